/// Times that are taken side by side, so that a busy or throttled machine
/// disturbs both alike.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace cape::bench {

/// CPU seconds of this process so far: on one thread its wall time, less what
/// other processes took.
double cpu_seconds();

double median(std::vector<double> values);

/// CPU seconds a call of each function: medians over short blocks of calls that
/// alternate until they took `seconds`, at least one block of each.
std::vector<double> interleave(
    const std::vector<std::function<void()>>& functions, double seconds);

/// The same, with `plain` in a process of its own, where memory is allocated as
/// the C library does unless told otherwise: how the trainer does it is part of
/// the engine.
std::pair<double, double> compare_sides(const std::function<void()>& plain,
                                        const std::function<void()>& engine,
                                        double seconds);

/// GFLOP/s of one product of float32 matrices of about the machine's best size.
double sgemm_gflops();

}  // namespace cape::bench
