# Where things go when they are installed, and how programs find them there: by
# relative paths, so that an installed tree can be moved. A build tree looks the
# same to its programs.
include(GNUInstallDirs)
set(CAPE_DATADIR ${CMAKE_INSTALL_DATADIR}/cape-farm)
# LibTorch stays where it was found.
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)

cmake_path(ABSOLUTE_PATH CAPE_DATADIR BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}
           OUTPUT_VARIABLE CAPE_DATA_FROM_PROGRAMS)
cmake_path(RELATIVE_PATH CAPE_DATA_FROM_PROGRAMS
           BASE_DIRECTORY ${CMAKE_INSTALL_FULL_BINDIR})

cmake_path(ABSOLUTE_PATH CAPE_DATA_FROM_PROGRAMS
           BASE_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} NORMALIZE
           OUTPUT_VARIABLE data_of_build)
cmake_path(IS_PREFIX PROJECT_BINARY_DIR ${data_of_build} NORMALIZE is_inside)
if(is_inside)
  cmake_path(GET data_of_build PARENT_PATH parent_of_data)
  file(MAKE_DIRECTORY ${parent_of_data})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/data ${data_of_build} SYMBOLIC)
else()
  message(STATUS "Until it is installed cape_predict needs --model: "
                 "${data_of_build} is no place for data")
endif()
