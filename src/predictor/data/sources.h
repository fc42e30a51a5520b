/// Which data sets have one source. A model is judged on data that it has not
/// seen by leaving out whole sources: MNIST says much of other digits.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace cape::predictor {

class Sources {
 public:
  /// Each data set is a source of its own.
  Sources() = default;

  /// Of a table with tabs whose first line names its columns, `name` and
  /// `source` among them. Throws UserError for a file that is none.
  static Sources read(const std::filesystem::path& path);

  /// A data set that the table lacks is a source of its own.
  const std::string& of(const std::string& dataset) const;

 private:
  std::map<std::string, std::string> sources_;
};

}  // namespace cape::predictor
