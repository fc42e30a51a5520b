// The program of one of the benchmarks, which CMake names.
#include "benchmarks.h"
#include "core/error.h"

int main(int argc, char** argv) {
  return cape::guarded_main(CAPE_BENCHMARK, cape::bench::CAPE_RUN, argc, argv);
}
