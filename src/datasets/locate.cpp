#include "datasets/locate.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <system_error>

#include "core/files.h"
#include "datasets/dataset.h"

namespace cape::datasets {
namespace {

namespace fs = std::filesystem;

/// Makes a path absolute, without "..", "." or a slash at the end.
fs::path plain_path(const fs::path& path) {
  fs::path plain = absolute_path(path).lexically_normal();
  return plain.has_filename() ? plain : plain.parent_path();
}

bool is_within(const fs::path& path, const fs::path& root) {
  return std::mismatch(root.begin(), root.end(), path.begin(), path.end())
             .first == root.end();
}

/// root/folder, and also the place in or below root if the last part of root is
/// the whole folder name or its first part: for MNIST/raw, /data/MNIST gives
/// /data/MNIST/MNIST/raw and /data/MNIST/raw.
std::vector<fs::path> directories_of(const fs::path& root,
                                     const std::string& folder) {
  if (folder.empty()) return {root};
  std::vector<fs::path> found = {root / folder};
  const fs::path parts(folder);
  fs::path above = root;
  for (auto part = parts.begin(); part != parts.end(); ++part) {
    above = above.parent_path();
    if (is_within(above / folder, root)) found.push_back(above / folder);
  }
  return found;
}

bool is_named_archive(const Layout& layout, const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) &&
         std::find(layout.archives.begin(), layout.archives.end(),
                   path.filename()) != layout.archives.end();
}

/// The places of one layout below one root, in order of preference.
std::vector<fs::path> places_of(const Layout& layout, const fs::path& root) {
  std::vector<fs::path> places;
  for (const std::string& folder : layout.folders)
    for (fs::path& directory : directories_of(root, folder))
      places.push_back(std::move(directory));
  std::vector<fs::path> homes = {root};
  std::error_code error;
  for (const fs::path& place : places)
    if (place != root && fs::is_directory(place, error)) homes.push_back(place);
  for (const fs::path& home : homes)
    for (const std::string& archive : layout.archives)
      places.push_back(home / archive);
  return places;
}

/// One line for each place, even if several layouts looked there.
std::string list_of(const std::vector<Tried>& tried) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const Tried& attempt : tried) {
    const std::string place = attempt.place.string();
    const auto line =
        std::find_if(lines.begin(), lines.end(),
                     [&](const auto& l) { return l.first == place; });
    if (line == lines.end()) {
      lines.emplace_back(place, attempt.missing);
    } else if (line->second.find(attempt.missing) == std::string::npos) {
      line->second += "; " + attempt.missing;
    }
  }
  std::string text;
  for (const auto& [place, missing] : lines)
    text += fmt::format("\n  {}: {}", place, missing);
  return text;
}

}  // namespace

fs::path find_file(const Layout& layout, const fs::path& directory,
                   const std::string& name) {
  std::error_code error;
  fs::path file = directory / name;
  if (!file.has_filename())  // a folder
    return fs::is_directory(file, error) ? file : fs::path();
  if (fs::is_regular_file(file, error)) return file;
  const fs::path packed = directory / (name + ".gz");
  return layout.gzip && fs::is_regular_file(packed, error) ? packed
                                                           : fs::path();
}

std::string wanted_files(const Layout& layout) {
  std::vector<std::string> names = layout.files;
  if (layout.gzip)
    for (std::string& name : names) name += "[.gz]";
  return fmt::format("{}",
                     fmt::join(names, layout.any_file ? " or " : " and "));
}

std::string describe_missing_files(const Layout& layout,
                                   const fs::path& place) {
  std::error_code error;
  const fs::file_status status = fs::status(place, error);
  const bool archive = place.extension() == ".gz";
  if (status.type() == fs::file_type::not_found)
    return archive ? "no such file" : "no such folder";
  if (!fs::exists(status)) return error.message();
  if (is_named_archive(layout, place)) return {};
  if (!fs::is_directory(status)) return "not a folder";
  Layout lacking = layout;
  std::erase_if(lacking.files, [&](const std::string& name) {
    return !find_file(layout, place, name).empty();
  });
  const bool complete = layout.any_file
                            ? lacking.files.size() < layout.files.size()
                            : lacking.files.empty();
  return complete ? std::string() : "lacks " + wanted_files(lacking);
}

std::vector<Tried> locate(const KnownDataset& known,
                          const std::vector<fs::path>& roots) {
  std::vector<Tried> tried;
  for (const fs::path& root : roots) {
    for (const Layout& layout : known.layouts) {
      for (fs::path& place : places_of(layout, plain_path(root))) {
        std::string missing = describe_missing_files(layout, place);
        const bool found = missing.empty();
        tried.push_back({&layout, std::move(place), std::move(missing)});
        if (found) return tried;
      }
    }
  }
  return tried;
}

std::string not_found_message(const KnownDataset& known,
                              const std::vector<Tried>& tried) {
  const Layout& best = known.layouts.front();
  std::vector<std::string> folders = best.folders;
  std::erase(folders, "");
  return fmt::format(
      "data set '{}' was not found; tried{}\n"
      "{} {} into a folder named {}{}, and name the folder above it with "
      "--data-dir, data_dir in the configuration or $CAPE_DATA; "
      "scripts/fetch_datasets.sh downloads data sets.",
      known.name, list_of(tried),
      known.package.empty()
          ? "Put"
          : fmt::format("Install it (apt install {}), or put", known.package),
      wanted_files(best), fmt::join(folders, " or "),
      best.archives.empty() ? ""
                            : ", or " + best.archives.front() + " beside it");
}

}  // namespace cape::datasets
