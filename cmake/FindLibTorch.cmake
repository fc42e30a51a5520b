# Finds LibTorch and defines LibTorch::LibTorch, which links libtorch_cpu and
# libc10 alone: that is enough on a CPU, and a CUDA build of LibTorch then loads
# on a machine without a GPU too. (The wheel's own CMake package insists on a
# CUDA toolkit.)
#
# It looks in Torch_ROOT, then in the entries of CMAKE_PREFIX_PATH, then in the
# cache that scripts/setup.sh fills. An entry can be the `libtorch` folder of
# the official archive, a conda or pip environment, a site-packages folder, the
# torch package in it, or torch.utils.cmake_prefix_path.
#
# Sets LibTorch_FOUND, LibTorch_VERSION and LibTorch_PREFIX, the folder with
# include/ and lib/.

# Sets `out` to the first folder among `roots`, or in one of the places where
# it can lie relative to them, that holds LibTorch.
function(libtorch_locate out roots)
  foreach(root IN LISTS roots)
    file(GLOB in_environment ${root}/lib/python3*/site-packages/torch)
    foreach(prefix ${root} ${root}/torch ${root}/libtorch ${in_environment}
                   ${root}/../.. ${root}/../../..)
      if(EXISTS ${prefix}/include/torch/csrc/api/include/torch/torch.h
         AND EXISTS ${prefix}/lib/libtorch_cpu.so)
        file(REAL_PATH ${prefix} prefix)
        set(${out} ${prefix} PARENT_SCOPE)
        return()
      endif()
    endforeach()
  endforeach()
endfunction()

# Sets `out` to the version of the LibTorch in `prefix`.
function(libtorch_version out prefix)
  # The header moved; only one of the two spells the numbers.
  foreach(header torch/headeronly/version.h
                 torch/csrc/api/include/torch/version.h)
    if(EXISTS ${prefix}/include/${header})
      file(STRINGS ${prefix}/include/${header} lines
           REGEX "^#define TORCH_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
      if(lines)
        list(TRANSFORM lines REPLACE ".* " "")
        list(JOIN lines . version)
        set(${out} ${version} PARENT_SCOPE)
        return()
      endif()
    endif()
  endforeach()
endfunction()

# Sets `out` to where scripts/setup.sh puts its LibTorch: the version it pins,
# with CUDA before without.
function(libtorch_cached out)
  if(DEFINED ENV{CAPE_CACHE})
    set(cache $ENV{CAPE_CACHE})
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(cache $ENV{XDG_CACHE_HOME}/cape-farm)
  else()
    set(cache $ENV{HOME}/.cache/cape-farm)
  endif()
  file(STRINGS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../scripts/requirements-libtorch.txt
       pin REGEX "^torch==")
  string(REGEX MATCH "[0-9.]+" pin "${pin}")
  set(${out} ${cache}/libtorch-${pin}-cuda ${cache}/libtorch-${pin} PARENT_SCOPE)
endfunction()

unset(LibTorch_PREFIX)
set(_named ${Torch_ROOT} $ENV{Torch_ROOT})
if(_named)
  libtorch_locate(LibTorch_PREFIX "${_named}")
  set(_problem "Torch_ROOT (${_named}) holds no LibTorch.")
else()
  string(REPLACE ":" ";" _environment "$ENV{CMAKE_PREFIX_PATH}")
  libtorch_cached(_cached)
  libtorch_locate(LibTorch_PREFIX
                  "${CMAKE_PREFIX_PATH};${_environment};${_cached}")
  list(JOIN _cached " or " _cached)
  set(_problem "LibTorch is neither in CMAKE_PREFIX_PATH nor in ${_cached}.")
endif()
string(APPEND _problem
       "\nRun scripts/setup.sh, which downloads it, or name one of version "
       "${LibTorch_FIND_VERSION} or later: Torch_ROOT=/path/to/libtorch.")

if(LibTorch_PREFIX)
  libtorch_version(LibTorch_VERSION ${LibTorch_PREFIX})
  # c10::Error(SourceLocation, std::string) with the std::string of before 2011.
  file(STRINGS ${LibTorch_PREFIX}/lib/libc10.so _old_abi LIMIT_COUNT 1
       REGEX "_ZN3c105ErrorC[12]ENS_14SourceLocationESs")
  if(_old_abi)
    set(_problem "${LibTorch_PREFIX} is built with the old C++ ABI"
        " (_GLIBCXX_USE_CXX11_ABI=0) and does not link with this program."
        "\nTake the archive named cxx11-abi, a pip package of version 2.7 or "
        "later, or what scripts/setup.sh downloads.")
    string(CONCAT _problem ${_problem})
    unset(LibTorch_PREFIX)
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_PREFIX VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE ${_problem})

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch
   AND NOT CMAKE_SCRIPT_MODE_FILE)
  foreach(library c10 torch_cpu)
    add_library(LibTorch::${library} SHARED IMPORTED)
    set_target_properties(LibTorch::${library} PROPERTIES
      IMPORTED_LOCATION ${LibTorch_PREFIX}/lib/lib${library}.so)
  endforeach()
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  set(_include ${LibTorch_PREFIX}/include)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE
    ${_include} ${_include}/torch/csrc/api/include)
  target_link_libraries(LibTorch::LibTorch INTERFACE
    LibTorch::torch_cpu LibTorch::c10)
  # The official LibTorch is built by GCC. Clang 18 gave some templates other
  # names than GCC gives them.
  if(CMAKE_CXX_COMPILER_ID STREQUAL Clang
     AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 18)
    target_compile_options(LibTorch::LibTorch INTERFACE
                           -fclang-abi-compat=17)
  endif()
  # GCC 14 warns falsely about one of the headers.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU
     AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 14)
    target_compile_options(LibTorch::LibTorch INTERFACE -Wno-array-bounds)
  endif()
endif()
