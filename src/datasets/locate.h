/// Finds the files of a data set.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "datasets/registry.h"

namespace cape::datasets {

/// `name` in `directory`, or `name`.gz if the layout allows it; empty when
/// neither exists.
std::filesystem::path find_file(const Layout& layout,
                                const std::filesystem::path& directory,
                                const std::string& name);

/// The layout's files for a message: "a[.gz] and b[.gz]".
std::string wanted_files(const Layout& layout);

/// Why `place`, a folder or an archive, does not hold the data set: "no such
/// folder", "lacks train-labels-idx1-ubyte[.gz]". Empty when everything that
/// the layout needs exists. Archives are recognised by their names and are not
/// opened.
std::string describe_missing_files(const Layout& layout,
                                   const std::filesystem::path& place);

/// A place that was tried, and what is missing there.
struct Tried {
  const Layout* layout;
  std::filesystem::path place;
  std::string missing;
};

/// Every place that may hold the data set, in order of preference, up to the
/// first one that does: that one is the last, with nothing missing. The folder
/// names of the registry are tried below each root. A root may also be such a
/// folder itself. Then only its name tells which data set it holds, since MNIST
/// and similar data sets have the same file names. Archives are looked for in
/// the root and in those of the folders that exist.
std::vector<Tried> locate(const KnownDataset& known,
                          const std::vector<std::filesystem::path>& roots);

/// The message for a data set that was not found, with every path that was
/// tried and what to do.
std::string not_found_message(const KnownDataset& known,
                              const std::vector<Tried>& tried);

}  // namespace cape::datasets
