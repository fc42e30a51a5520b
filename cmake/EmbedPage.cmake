# Makes page_assets.cpp of the report's style sheet, scripts and Vega. Run at
# build time: cmake -DPAGE=src/predictor/report/page -DVEGA=/usr/share/javascript/vega
# -DOUTPUT=page_assets.cpp -P EmbedPage.cmake

# In the order in which they need each other.
set(modules util event-selector expression time format loader dataflow
    statistics canvas scale scenegraph view-transforms transforms encode
    selection functions runtime parser view)

# Wraps a text as a C++ constant.
function(constant name text)
  file(APPEND ${OUTPUT}.new
       "const char* const ${name} = R\"page_asset(${text})page_asset\";\n")
endfunction()

file(WRITE ${OUTPUT}.new
     "#include \"predictor/report/page_assets.h\"\n\nnamespace cape::predictor {\n")
foreach(asset kReportStyle=report.css kReportScript=report.js
              kVegaLicences=licences.txt)
  string(REGEX MATCH "^([^=]+)=(.+)$" found ${asset})
  file(READ ${PAGE}/${CMAKE_MATCH_2} text)
  constant(${CMAKE_MATCH_1} "${text}")
endforeach()
file(READ ${PAGE}/modules.js vega)
foreach(module ${modules})
  file(READ ${VEGA}/vega-${module}.min.js text)
  string(REGEX REPLACE "\n//# sourceMappingURL=[^\n]*\n?" "" text "${text}")
  if(module STREQUAL selection)
    set(module selections) # its name is not its file's
  endif()
  string(APPEND vega "define.module = \"vega-${module}\";\n${text}\n")
endforeach()
constant(kVegaScript "${vega}")
file(APPEND ${OUTPUT}.new "}  // namespace cape::predictor\n")
file(RENAME ${OUTPUT}.new ${OUTPUT})
