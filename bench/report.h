/// The table on stdout and the JSON file of a comparison.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "comparison.h"

namespace cape::bench {

class Report {
 public:
  Report(const std::string& plain, const std::string& engine);

  /// Takes a measurement of the machine's peak; the best one counts.
  void peak(double gflops);

  /// Prints a line.
  void add(const std::string& family, const std::string& architecture,
           const Measured& measured);

  /// Prints the line of the family whose last architecture was added: total
  /// times, and as its ratio the geometric mean of its architectures', in which
  /// each counts alike however long it takes.
  void end_family(const std::string& family);

  /// Prints the peak.
  void end() const;

  /// {family: {"ratio": r, "ratio_of_times": s, "gflops": g, "peak_gflops":
  /// p}}. Throws Error where the file cannot be written.
  void write_json(const std::string& path) const;

 private:
  double peak_ = 0;
  std::vector<Measured> family_;  ///< the current family's
  nlohmann::json families_ = nlohmann::json::object();
};

}  // namespace cape::bench
