#include "datasets/dataset.h"

#include <fmt/ranges.h>

#include <cstdlib>
#include <system_error>

#include "core/error.h"
#include "core/hash.h"
#include "datasets/locate.h"
#include "datasets/registry.h"

namespace cape::datasets {
namespace {

constexpr const char* kDebianFolder = "/usr/share/datasets";

/// Of what was decoded, so that plain and compressed files agree.
std::string fingerprint(const Dataset& dataset) {
  const std::string shape = fmt::format("{} x {};", dataset.labels.size(),
                                        fmt::join(dataset.info.shape, " x "));
  ContentHasher hasher;
  hasher.update(shape.data(), shape.size());
  hasher.update(dataset.pixels.data(), dataset.pixels.size());
  hasher.update(dataset.labels.data(), dataset.labels.size());
  return hasher.digest();
}

Dataset read(const KnownDataset& known,
             const std::filesystem::path& directory) {
  Samples samples = known.read(known, directory);
  Dataset dataset;
  dataset.pixels = std::move(samples.pixels);
  dataset.labels = std::move(samples.labels);
  dataset.mean = known.mean;
  dataset.deviation = known.deviation;
  dataset.info.name = known.name;
  dataset.info.shape = known.shape;
  dataset.info.classes = known.classes;
  dataset.info.samples = samples.count;
  dataset.info.train_size = known.train_size;
  dataset.info.directory = directory.string();
  dataset.info.fingerprint = fingerprint(dataset);
  return dataset;
}

/// The folders that are there but not complete, which the user can mend.
std::string incomplete_folders(const std::vector<Tried>& tried) {
  std::string text;
  std::error_code error;
  for (const auto& [directory, missing] : tried)
    if (std::filesystem::is_directory(directory, error))
      text += fmt::format("; {} {}", directory.string(), missing);
  return text;
}

Found examine(const KnownDataset& known,
              const std::vector<std::filesystem::path>& roots) {
  Found found;
  found.name = known.name;
  found.classes = known.classes;
  const std::vector<Tried> tried = locate(known, roots);
  if (tried.empty() || !tried.back().missing.empty()) {
    found.problem = "not found" + incomplete_folders(tried);
    return found;
  }
  found.directory = tried.back().directory.string();
  try {
    found.samples = read(known, found.directory).info.samples;
  } catch (const UserError& error) {
    found.problem = error.what();
  }
  return found;
}

}  // namespace

std::vector<std::filesystem::path> search_roots(const std::string& data_dir) {
  std::vector<std::filesystem::path> roots;
  const char* environment = std::getenv("CAPE_DATA");
  if (!data_dir.empty()) {
    roots.emplace_back(data_dir);
  } else if (environment && *environment) {
    roots.emplace_back(environment);
  }
  roots.emplace_back(kDebianFolder);
  return roots;
}

Dataset load(const std::string& name,
             const std::vector<std::filesystem::path>& roots) {
  const KnownDataset& known = find_known(name);
  const std::vector<Tried> tried = locate(known, roots);
  if (tried.empty() || !tried.back().missing.empty())
    throw UserError(not_found_message(known, tried));
  return read(known, tried.back().directory);
}

Dataset load_from(const std::string& name,
                  const std::filesystem::path& directory) {
  const KnownDataset& known = find_known(name);
  const std::string missing = what_is_missing(known, directory);
  if (!missing.empty()) {
    fail_user("data set '{}' is not in {} (any more): {}", name,
              directory.string(), missing);
  }
  return read(known, directory);
}

std::vector<Found> list_datasets(
    const std::vector<std::filesystem::path>& roots) {
  std::vector<Found> list;
  for (const KnownDataset& known : registry())
    list.push_back(examine(known, roots));
  return list;
}

}  // namespace cape::datasets
