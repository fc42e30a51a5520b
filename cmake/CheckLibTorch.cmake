# cmake -P cmake/CheckLibTorch.cmake: prints which LibTorch a build will find.
list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
find_package(LibTorch 2.4 REQUIRED)
