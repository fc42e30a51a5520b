#include "datasets/dataset.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <system_error>

#include "core/environment.h"
#include "core/error.h"
#include "core/hash.h"
#include "datasets/locate.h"
#include "datasets/registry.h"

namespace cape::datasets {
namespace {

constexpr const char* kDebianFolder = "/usr/share/datasets";

void hash(const WordCounts& words, ContentHasher& hasher) {
  hasher.update(words.entries.data(),
                words.entries.size() * sizeof(WordCounts::Entry));
  hasher.update(words.ends.data(), words.ends.size() * sizeof(std::size_t));
}

/// The hash of what was decoded, so that plain and compressed files agree.
std::string fingerprint(const Dataset& dataset, std::size_t size) {
  const std::string shape = fmt::format("{} x {};", dataset.info.samples,
                                        fmt::join(dataset.info.shape, " x "));
  ContentHasher hasher;
  hasher.update(shape.data(), shape.size());
  if (const auto* const images = std::get_if<Images>(&dataset.inputs)) {
    images->hash(size, hasher);
  } else if (const auto* const tokens = std::get_if<Array>(&dataset.inputs)) {
    hasher.update(tokens->elements.data(), tokens->elements.size());
  } else {
    hash(std::get<WordCounts>(dataset.inputs), hasher);
  }
  const Bytes& labels = dataset.labels.elements;
  hasher.update(labels.data(), labels.size());
  return hasher.digest();
}

Dataset read(const KnownDataset& known, const Layout& layout,
             const std::filesystem::path& place) {
  Samples samples = layout.read(known, layout, place);
  Dataset dataset;
  dataset.inputs = std::move(samples.inputs);
  dataset.labels = Array::of(std::move(samples.labels));
  dataset.mean = known.mean;
  dataset.deviation = known.deviation;
  dataset.info.name = known.name;
  dataset.info.shape = known.shape;
  dataset.info.vocabulary = known.vocabulary;
  if (known.vocabulary > 0) {
    dataset.mean.assign(sample_size(known), 0);
    dataset.deviation.assign(sample_size(known), 1);
  }
  dataset.info.classes = known.classes;
  dataset.info.images = std::holds_alternative<Images>(dataset.inputs);
  dataset.info.samples = dataset.labels.count();
  dataset.info.train_size = known.train_size;
  dataset.info.directory = place.string();
  dataset.info.note = layout.note;
  dataset.info.fingerprint = fingerprint(dataset, sample_size(known));
  dataset.info.rarest_class = find_rarest_class(dataset);
  return dataset;
}

/// The folders that exist but are not complete, which the user can correct.
std::string incomplete_folders(
    const std::vector<Tried>& tried,
    const std::vector<std::filesystem::path>& roots) {
  std::string text;
  std::error_code error;
  for (const Tried& one : tried) {
    const bool is_root =
        std::any_of(roots.begin(), roots.end(), [&](const auto& root) {
          return std::filesystem::equivalent(root, one.place, error);
        });
    if (!is_root && std::filesystem::is_directory(one.place, error))
      text += fmt::format("; {} {}", one.place.string(), one.missing);
  }
  return text;
}

bool is_found(const std::vector<Tried>& tried) {
  return !tried.empty() && tried.back().missing.empty();
}

Found examine(const KnownDataset& known,
              const std::vector<std::filesystem::path>& roots) {
  Found found;
  found.name = known.name;
  found.classes = known.classes;
  found.vocabulary = known.vocabulary;
  const std::vector<Tried> tried = locate(known, roots);
  if (!is_found(tried)) {
    found.problem = "not found" + incomplete_folders(tried, roots);
    return found;
  }
  const auto& [layout, place, missing] = tried.back();
  found.directory = place.string();
  try {
    const DatasetInfo info = read(known, *layout, place).info;
    found.samples = info.samples;
    found.note = info.note;
  } catch (const UserError& error) {
    found.problem = error.what();
  }
  return found;
}

}  // namespace

void add_note(DatasetInfo& info, const std::string& note) {
  if (note.empty()) return;
  info.note += (info.note.empty() ? "" : "; ") + note;
}

std::optional<RarestClass> find_rarest_class(const Dataset& dataset) {
  if (dataset.info.task != Task::classification) return std::nullopt;
  std::vector<std::int64_t> counts(
      static_cast<std::size_t>(dataset.info.classes));
  std::vector<double> labels(dataset.labels.size());
  dataset.labels.read(0, labels);
  for (const double label : labels) ++counts[static_cast<std::size_t>(label)];
  const auto rarest = std::ranges::min_element(counts);
  return RarestClass{.label = rarest - counts.begin(), .samples = *rarest};
}

std::vector<std::filesystem::path> search_roots(const std::string& data_dir) {
  std::vector<std::filesystem::path> roots;
  const std::string environment = environment_variable("CAPE_DATA");
  const std::string& named = data_dir.empty() ? environment : data_dir;
  if (!named.empty()) roots.emplace_back(expand_path(named));
  // The variable may be set before anything is fetched.
  if (!data_dir.empty() && !std::filesystem::is_directory(roots.front())) {
    fail_user(
        "there is no folder {} (data_dir, or --data-dir); name the folder of "
        "the data sets, or leave it out",
        roots.front().string());
  }
  roots.emplace_back(kDebianFolder);
  return roots;
}

Dataset load(const std::string& name,
             const std::vector<std::filesystem::path>& roots) {
  const KnownDataset& known = find_known(name);
  const std::vector<Tried> tried = locate(known, roots);
  if (!is_found(tried)) throw UserError(not_found_message(known, tried));
  return read(known, *tried.back().layout, tried.back().place);
}

Dataset load_from(const std::string& name,
                  const std::filesystem::path& directory) {
  const KnownDataset& known = find_known(name);
  std::vector<std::string> missing;
  for (const Layout& layout : known.layouts) {
    missing.push_back(describe_missing_files(layout, directory));
    if (missing.back().empty()) return read(known, layout, directory);
  }
  fail_user("data set '{}' is not in {} (any more): {}", name,
            directory.string(), fmt::join(missing, "; "));
}

std::vector<Found> list_datasets(
    const std::vector<std::filesystem::path>& roots) {
  std::vector<Found> list;
  for (const KnownDataset& known : registry())
    list.push_back(examine(known, roots));
  return list;
}

}  // namespace cape::datasets
