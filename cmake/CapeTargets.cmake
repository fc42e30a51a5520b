# cape_show_headers(<target> PUBLIC|PRIVATE): includes of "<folder>/<header>" find
# the headers of the current folder of src/, and of no other.
function(cape_show_headers target scope)
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR}/src
       ${CMAKE_CURRENT_SOURCE_DIR})
  set(root ${CMAKE_CURRENT_BINARY_DIR}/include)
  cmake_path(GET folder PARENT_PATH parent)
  file(MAKE_DIRECTORY ${root}/${parent})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/${folder} SYMBOLIC)
  target_include_directories(${target} ${scope} ${root})
endfunction()

# cape_system_library(<name> <header>): the target system::<name> of the library
# lib<name>, whose CMake package is missing or does not work everywhere.
function(cape_system_library name header)
  find_path(CAPE_${name}_INCLUDE_DIR ${header})
  find_library(CAPE_${name}_LIBRARY ${name})
  if(NOT CAPE_${name}_INCLUDE_DIR OR NOT CAPE_${name}_LIBRARY)
    message(FATAL_ERROR "The library ${name} or its header ${header} is missing. "
      "scripts/setup.sh installs it; CMAKE_PREFIX_PATH can name another place.")
  endif()
  add_library(system::${name} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(system::${name} PROPERTIES
    IMPORTED_LOCATION ${CAPE_${name}_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${CAPE_${name}_INCLUDE_DIR})
endfunction()

# cape_library(<name> [PUBLIC libraries...] [PRIVATE libraries...]): the library
# cape_<name> of one folder of src/, from all .cpp files in it. It shows the
# headers of this folder alone, and those of its PUBLIC libraries, which are what
# its own headers include: what is not along an arrow of the layout does not
# compile.
function(cape_library name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(cape_${name} STATIC ${sources})
  cape_show_headers(cape_${name} PUBLIC)
  target_link_libraries(cape_${name} ${ARGN} PRIVATE cape_flags)
endfunction()

# cape_program(<name> [libraries...]): the program <name> of src/apps/<name>.cpp.
# Its target is <name>_program, since a folder may have the program's name.
function(cape_program name)
  add_executable(${name}_program ${name}.cpp)
  set_target_properties(${name}_program PROPERTIES OUTPUT_NAME ${name})
  cape_show_headers(${name}_program PRIVATE)
  target_link_libraries(${name}_program PRIVATE ${ARGN} cape_flags)
endfunction()

# cape_limit_kernels(<program> <instructions> [libraries...]): the target
# <program>_<instructions>, the same program with the kernels for these instructions
# alone, for scripts/with_instructions.sh. Nothing where such kernels cannot be made.
function(cape_limit_kernels program instructions)
  if(NOT TARGET cape_kernels_${instructions})
    return()
  endif()
  add_executable(${program}_${instructions} $<TARGET_OBJECTS:${program}>
    $<TARGET_OBJECTS:cape_kernels_${instructions}>)
  target_link_libraries(${program}_${instructions} PRIVATE ${ARGN})
endfunction()

# cape_test(<folder> [SHARDS <n>] [libraries...]): the GoogleTest program of
# tests/<folder>; each of its tests is one of ctest. A program that takes long to
# start (Torch does) names SHARDS: then ctest starts it so many times, each with
# its share of the tests. With CAPE_SHARD_TESTS all programs have shards.
# Nobody waits for the code of tests, only for its compiler.
function(cape_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" SHARDS "")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_executable(${name}_test ${sources})
  target_link_libraries(${name}_test PRIVATE ${arg_UNPARSED_ARGUMENTS} cape_flags
                        cape_test_support GTest::gmock GTest::gtest_main)
  target_compile_options(${name}_test PRIVATE
                         $<IF:$<CONFIG:Debug>,-O0,-O1>)
  if(CAPE_SHARD_TESTS AND NOT arg_SHARDS)
    set(arg_SHARDS 3)
  endif()
  if(NOT arg_SHARDS)
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}: DISCOVERY_TIMEOUT 60
                         PROPERTIES TIMEOUT 120 LABELS unit)
    return()
  endif()
  math(EXPR last "${arg_SHARDS} - 1")
  foreach(shard RANGE ${last})
    set(test ${name}:${shard}of${arg_SHARDS})
    add_test(NAME ${test} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(${test} PROPERTIES
      TIMEOUT 400 LABELS unit COST 20 ENVIRONMENT
      "GTEST_TOTAL_SHARDS=${arg_SHARDS};GTEST_SHARD_INDEX=${shard}")
  endforeach()
endfunction()

add_library(cape_flags INTERFACE)
target_compile_options(cape_flags INTERFACE -Wall -Wextra -Wpedantic)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # GCC 12 warns falsely about std::string (bug 105651).
  target_compile_options(cape_flags INTERFACE -Wno-restrict)
endif()
if(CAPE_WERROR)
  target_compile_options(cape_flags INTERFACE -Werror)
endif()
if(CAPE_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
if(CAPE_FUZZ)
  # libFuzzer is told which branches an input takes.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
