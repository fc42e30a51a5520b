/// The data sets that the program knows: one row each in registry.cpp. A new
/// one in a format that is there is a new row; a new format is a new reader.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cape::datasets {

struct Samples {
  std::int64_t count = 0;
  std::vector<std::uint8_t> pixels;  ///< count x C x H x W
  std::vector<std::uint8_t> labels;  ///< count, each below the classes
};

struct KnownDataset {
  /// Reads the files of a folder that is complete, and checks them against the
  /// row. One such function a format.
  using Reader = Samples (*)(const KnownDataset& known,
                             const std::filesystem::path& directory);

  std::string name;
  std::vector<std::string> folders;  ///< names below a root, best first
  std::vector<std::string> files;    ///< of the training split, less any ".gz"
  bool any_file = false;             ///< one of the files is enough
  Reader read = nullptr;
  std::vector<std::int64_t> shape;  ///< of a sample: C x H x W
  std::int64_t classes = 0;
  std::int64_t train_size = 0;    ///< the official training split
  std::vector<double> mean;       ///< a channel, of pixels / 255
  std::vector<double> deviation;  ///< likewise
  std::string package;            ///< the Debian package, where there is one
};

/// Sorted by name.
const std::vector<KnownDataset>& registry();

/// Throws UserError with the known names, and the one probably meant.
const KnownDataset& find_known(const std::string& name);

}  // namespace cape::datasets
