# cmake -DSOURCE=<folder> -DOUTPUT=<file> -P WriteCommit.cmake: writes the C++ file
# that holds the commit of the checkout in <folder>, unless it holds it already. A
# folder that is no checkout, but lies in one of something else, has no commit.
set(commit unknown)
if(EXISTS ${SOURCE}/.git)
  execute_process(COMMAND git describe --always --dirty --abbrev=12
                  WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE described
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(described)
    set(commit ${described})
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT
[[#include "core/version.h"

const char* const cape::kGitCommit = "@commit@";
]])
