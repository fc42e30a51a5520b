/// The data sets that the program knows: one row for each in registry.cpp. A
/// new data set in a known format is a new row; a new format needs a new
/// reader.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/samples.h"

namespace cape::datasets {

struct KnownDataset;

/// One form in which the training split of a data set is stored on disk.
struct Layout {
  /// Reads the files at `place`, a complete folder or archive, and checks them
  /// against the row. There is one such function for each format.
  using Reader = Samples (*)(const KnownDataset& known, const Layout& layout,
                             const std::filesystem::path& place);

  std::vector<std::string> folders;  ///< names below a root, best first
  std::vector<std::string> files;    ///< a name that ends in / is a folder
  bool any_file = false;             ///< one of the files is enough
  bool gzip = false;                 ///< a file may be there as NAME.gz
  std::size_t largest = 0;           ///< bytes of the largest official file
  std::vector<std::string> archives = {};  ///< .tar.gz that hold the files
  Reader read = nullptr;
  std::string note = {};  ///< what the user should know of these samples
};

struct KnownDataset {
  std::string name;
  std::vector<Layout> layouts;      ///< best first
  std::vector<std::int64_t> shape;  ///< of a sample: C x H x W; of tokens T
  std::int64_t vocabulary = 0;      ///< tokens are less than this; 0: none
  std::int64_t classes = 0;
  std::int64_t first_label = 0;        ///< in the files; ours begin with 0
  bool transposed = false;             ///< images are stored column by column
  std::int64_t train_size = 0;         ///< the official training split
  std::vector<double> mean = {};       ///< a channel, of pixels / 255
  std::vector<double> deviation = {};  ///< likewise
  std::string package = {};  ///< the Debian package, where there is one
};

/// The number of values in one sample.
std::size_t sample_size(const KnownDataset& known);

/// Sorted by name.
const std::vector<KnownDataset>& registry();

/// Throws UserError with the known names, and the name that was probably meant.
const KnownDataset& find_known(const std::string& name);

}  // namespace cape::datasets
