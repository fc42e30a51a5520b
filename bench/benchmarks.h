/// The benchmarks of the engine, each with its command line and its exit code.
/// They are one library, since a compiler reads LibTorch's headers longer than
/// them.
#pragma once

namespace cape::bench {

int run_probe(int argc, char** argv);
int run_step(int argc, char** argv);
int run_row(int argc, char** argv);
int run_extended(int argc, char** argv);
int run_epoch(int argc, char** argv);

}  // namespace cape::bench
