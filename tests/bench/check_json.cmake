# Runs BENCH on one MLP; the file JSON that it writes must hold positive numbers
# under the documented keys.
file(REMOVE ${JSON})
execute_process(
  COMMAND ${BENCH} --family mlp --draws 1 --seconds 0 --max-steps 3
          --json ${JSON}
  RESULT_VARIABLE code OUTPUT_VARIABLE table ERROR_VARIABLE errors)
if(code EQUAL 2 AND errors MATCHES "fashion_mnist was not found")
  message("skipped: dataset-fashion-mnist is not installed")
  return()
endif()
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${BENCH} exited with ${code}:\n${errors}")
endif()
if(NOT table MATCHES "mlp +all .*sgemm peak")
  message(FATAL_ERROR "no line for the family or no peak in the table:\n${table}")
endif()

file(READ ${JSON} json)
foreach(key ratio ratio_of_times gflops peak_gflops)
  string(JSON value GET "${json}" mlp ${key})
  if(NOT value GREATER 0)
    message(FATAL_ERROR "mlp.${key} is ${value}:\n${json}")
  endif()
endforeach()
