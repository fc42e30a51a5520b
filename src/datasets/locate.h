/// Where the files of a data set are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "datasets/registry.h"

namespace cape::datasets {

/// `name` or `name`.gz in `directory`; empty when neither is there.
std::filesystem::path find_file(const std::filesystem::path& directory,
                                const std::string& name);

/// Why `directory` does not hold the data set: "no such folder", "lacks
/// train-labels-idx1-ubyte[.gz]"; empty when what it needs is there.
std::string what_is_missing(const KnownDataset& known,
                            const std::filesystem::path& directory);

/// A folder that was tried, and what_is_missing there.
struct Tried {
  std::filesystem::path directory;
  std::string missing;
};

/// Every folder that may hold the data set, in order of preference, up to the
/// first that does: that one is the last, with nothing missing. The folder
/// names of the registry are tried below each root; a root may also be such a
/// folder itself, told by its name, since the files of MNIST and of its
/// relatives have the same names and cannot tell.
std::vector<Tried> locate(const KnownDataset& known,
                          const std::vector<std::filesystem::path>& roots);

/// The message for a data set that was not found: every path tried, and what
/// to do.
std::string not_found_message(const KnownDataset& known,
                              const std::vector<Tried>& tried);

}  // namespace cape::datasets
