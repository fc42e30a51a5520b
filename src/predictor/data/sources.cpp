#include "predictor/data/sources.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "core/error.h"
#include "core/files.h"

namespace cape::predictor {
namespace {

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, '\t');) {
    fields.push_back(field);
  }
  return fields;
}

}  // namespace

Sources Sources::read(const std::filesystem::path& path) {
  std::istringstream lines(read_file(path));
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> header = fields_of(line);
  const auto column = [&](const char* name) {
    const auto found = std::ranges::find(header, name);
    if (found == header.end()) {
      fail_user(
          "{}: its first line has no column \"{}\"; give a table with tabs "
          "whose columns name and source say which data sets have one source",
          path.string(), name);
    }
    return static_cast<std::size_t>(found - header.begin());
  };
  const std::size_t name = column("name");
  const std::size_t source = column("source");
  Sources read;
  for (int number = 2; std::getline(lines, line); ++number) {
    const std::vector<std::string> fields = fields_of(line);
    if (fields.size() <= std::max(name, source)) {
      fail_user("{}:{}: {} fields where the first line has {}", path.string(),
                number, fields.size(), header.size());
    }
    read.sources_[fields[name]] = fields[source];
  }
  return read;
}

const std::string& Sources::of(const std::string& dataset) const {
  const auto found = sources_.find(dataset);
  return found == sources_.end() ? dataset : found->second;
}

}  // namespace cape::predictor
