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
/// alternate until `seconds` have passed, at least one block of each.
std::pair<double, double> interleave(const std::function<void()>& first,
                                     const std::function<void()>& second,
                                     double seconds);

/// GFLOP/s of one product of float32 matrices of about the machine's best size.
double sgemm_gflops();

}  // namespace cape::bench
