#include "datasets/locate.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <system_error>

#include "datasets/dataset.h"

namespace cape::datasets {
namespace {

namespace fs = std::filesystem;

/// Absolute, without "..", "." or a slash at the end.
fs::path plain_path(const fs::path& path) {
  fs::path plain = fs::absolute(path).lexically_normal();
  return plain.has_filename() ? plain : plain.parent_path();
}

bool is_within(const fs::path& path, const fs::path& root) {
  return std::mismatch(root.begin(), root.end(), path.begin(), path.end())
             .first == root.end();
}

/// root/folder, and what is in or below root when its own path ends in the
/// whole folder name or in the first part of it: /data/MNIST, for MNIST/raw,
/// gives /data/MNIST/MNIST/raw and /data/MNIST/raw.
std::vector<fs::path> directories_of(const fs::path& root,
                                     const std::string& folder) {
  std::vector<fs::path> found = {root / folder};
  const fs::path parts(folder);
  fs::path above = root;
  for (auto part = parts.begin(); part != parts.end(); ++part) {
    above = above.parent_path();
    if (is_within(above / folder, root)) found.push_back(above / folder);
  }
  return found;
}

}  // namespace

fs::path find_file(const fs::path& directory, const std::string& name) {
  for (const char* suffix : {"", ".gz"}) {
    fs::path file = directory / (name + suffix);
    std::error_code error;
    if (fs::is_regular_file(file, error)) return file;
  }
  return {};
}

std::string what_is_missing(const KnownDataset& known,
                            const fs::path& directory) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (status.type() == fs::file_type::not_found) return "no such folder";
  if (!fs::exists(status)) return error.message();
  if (!fs::is_directory(status)) return "not a folder";
  std::vector<std::string> missing;
  for (const std::string& name : known.files)
    if (find_file(directory, name).empty()) missing.push_back(name + "[.gz]");
  const bool complete =
      known.any_file ? missing.size() < known.files.size() : missing.empty();
  if (complete) return {};
  return fmt::format("lacks {}",
                     fmt::join(missing, known.any_file ? " or " : " and "));
}

std::vector<Tried> locate(const KnownDataset& known,
                          const std::vector<fs::path>& roots) {
  std::vector<Tried> tried;
  for (const fs::path& root : roots) {
    for (const std::string& folder : known.folders) {
      for (fs::path& directory : directories_of(plain_path(root), folder)) {
        std::string missing = what_is_missing(known, directory);
        const bool found = missing.empty();
        tried.push_back({std::move(directory), std::move(missing)});
        if (found) return tried;
      }
    }
  }
  return tried;
}

std::string not_found_message(const KnownDataset& known,
                              const std::vector<Tried>& tried) {
  std::string message =
      fmt::format("data set '{}' was not found; tried", known.name);
  for (const auto& [directory, missing] : tried)
    message += fmt::format("\n  {}: {}", directory.string(), missing);
  if (!known.package.empty())
    message +=
        fmt::format("\nInstall it (apt install {}), or put", known.package);
  else
    message += "\nPut";
  message += fmt::format(
      " {} (.gz or not) into a folder named {}, and name the folder above it "
      "with --data-dir, data_dir in the configuration or $CAPE_DATA.",
      fmt::join(known.files, known.any_file ? " or " : " and "),
      fmt::join(known.folders, " or "));
  return message;
}

}  // namespace cape::datasets
