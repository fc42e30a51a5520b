# cape_version: core/version.h, with the program's version, and the commit that is
# checked out when it is built. Each build looks at the commit, and only where it
# has changed is the one file that holds it written and compiled again.
set(generated ${PROJECT_BINARY_DIR}/generated/core)
configure_file(${PROJECT_SOURCE_DIR}/cmake/version.h.in ${generated}/version.h
               @ONLY)
add_custom_target(cape_commit
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR}
          -DOUTPUT=${generated}/commit.cpp
          -P ${CMAKE_CURRENT_LIST_DIR}/WriteCommit.cmake
  BYPRODUCTS ${generated}/commit.cpp
  COMMENT "Looking at the commit"
  VERBATIM)
add_library(cape_version STATIC ${generated}/commit.cpp)
add_dependencies(cape_version cape_commit)
target_include_directories(cape_version PUBLIC ${PROJECT_BINARY_DIR}/generated)
