#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/files.h"

namespace cape::bench {
namespace {

double ratio(const Measured& measured) {
  return measured.plain_seconds / measured.engine_seconds;
}

double gflops(const Measured& measured) {
  return 1e-9 * measured.flops / measured.engine_seconds;
}

Measured total(const std::vector<Measured>& all) {
  Measured sum;
  for (const Measured& measured : all) {
    sum.plain_seconds += measured.plain_seconds;
    sum.engine_seconds += measured.engine_seconds;
    sum.flops += measured.flops;
  }
  return sum;
}

double geometric_mean_of_ratios(const std::vector<Measured>& all) {
  double sum = 0;
  for (const Measured& measured : all) sum += std::log(ratio(measured));
  return std::exp(sum / static_cast<double>(all.size()));
}

void print_line(const std::string& family, const std::string& name,
                const Measured& measured, double ratio,
                const std::string& note = {}) {
  fmt::print("{:<12} {:<24} {:>12.2f} {:>12.2f} {:>7.2f} {:>8.1f}{}\n", family,
             name, 1e3 * measured.plain_seconds, 1e3 * measured.engine_seconds,
             ratio, gflops(measured), note);
  std::fflush(stdout);  // a line may take a minute
}

}  // namespace

Report::Report(const std::string& plain, const std::string& engine) {
  fmt::print("{:<12} {:<24} {:>12} {:>12} {:>7} {:>8}\n", "family",
             "architecture", plain + " ms", engine + " ms", "ratio", "GFLOP/s");
}

void Report::peak(double gflops) { peak_ = std::max(peak_, gflops); }

void Report::add(const std::string& family, const std::string& architecture,
                 const Measured& measured) {
  family_.push_back(measured);
  print_line(family, architecture, measured, ratio(measured));
}

void Report::end_family(const std::string& family) {
  const Measured sum = total(family_);
  const double mean = geometric_mean_of_ratios(family_);
  print_line(family, "all", sum, mean,
             fmt::format("  of the times: {:.2f}", ratio(sum)));
  families_[family] = {
      {"ratio", mean}, {"ratio_of_times", ratio(sum)}, {"gflops", gflops(sum)}};
  family_.clear();
}

void Report::end() const {
  fmt::print("sgemm peak of this run: {:.1f} GFLOP/s\n", peak_);
}

void Report::write_json(const std::string& path) const {
  nlohmann::json families = families_;
  for (auto& [name, family] : families.items()) family["peak_gflops"] = peak_;
  publish_file(path, families.dump(2) + "\n");
}

}  // namespace cape::bench
