#include "datasets/files.h"

#include <algorithm>

#include "core/error.h"
#include "datasets/archive.h"
#include "datasets/gzip.h"
#include "datasets/locate.h"

namespace cape::datasets {
namespace {

namespace fs = std::filesystem;

std::vector<File> read_folder(const Layout& layout, const fs::path& folder) {
  std::vector<File> files;
  for (const std::string& name : layout.files) {
    const fs::path file = find_file(layout, folder, name);
    if (file.empty()) continue;
    files.push_back({file.string(), read_plain_or_gzip(file, layout.largest)});
  }
  return files;
}

/// The index of the archive's member among the layout's files; their number if
/// it is none of them.
std::size_t index_of(const Layout& layout, const std::string& member) {
  const std::string name = fs::path(member).filename();
  const auto found = std::find(layout.files.begin(), layout.files.end(), name);
  return static_cast<std::size_t>(found - layout.files.begin());
}

std::vector<File> read_archive(const Layout& layout, const fs::path& path) {
  std::vector<File> files(layout.files.size());
  Archive archive(path);
  while (archive.next()) {
    const std::size_t i = index_of(layout, archive.member());
    if (i == files.size()) continue;
    if (!files[i].name.empty())
      fail_user("{}: holds {} twice", path.string(), layout.files[i]);
    files[i] = {path.string() + ":" + archive.member(),
                Bytes(archive.read(layout.largest))};
  }
  std::erase_if(files, [](const File& file) { return file.name.empty(); });
  if (files.empty() || (!layout.any_file && files.size() < layout.files.size()))
    fail_user("{}: does not hold {}", path.string(), wanted_files(layout));
  return files;
}

}  // namespace

std::vector<File> read_files(const Layout& layout, const fs::path& place) {
  return fs::is_directory(place) ? read_folder(layout, place)
                                 : read_archive(layout, place);
}

std::uint8_t checked_label(const KnownDataset& known, const std::string& file,
                           std::int64_t sample, std::int64_t label) {
  const std::int64_t ours = label - known.first_label;
  if (ours < 0 || ours >= known.classes) {
    fail_user("{}: label {} at sample {}, but the labels of {} are {} to {}",
              file, label, sample, known.name, known.first_label,
              known.first_label + known.classes - 1);
  }
  return static_cast<std::uint8_t>(ours);
}

}  // namespace cape::datasets
