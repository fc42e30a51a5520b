/// Where the files of a data set are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "datasets/registry.h"

namespace cape::datasets {

/// `name` in `directory`, or `name`.gz where the layout allows it; empty when
/// it is not there.
std::filesystem::path find_file(const Layout& layout,
                                const std::filesystem::path& directory,
                                const std::string& name);

/// The layout's files for a message: "a[.gz] and b[.gz]".
std::string wanted_files(const Layout& layout);

/// Why `place`, a folder or an archive, does not hold the data set: "no such
/// folder", "lacks train-labels-idx1-ubyte[.gz]"; empty when what the layout
/// needs is there. Archives are told by their names and not opened.
std::string what_is_missing(const Layout& layout,
                            const std::filesystem::path& place);

/// A place that was tried, and what_is_missing there.
struct Tried {
  const Layout* layout;
  std::filesystem::path place;
  std::string missing;
};

/// Every place that may hold the data set, in order of preference, up to the
/// first that does: that one is the last, with nothing missing. The folder
/// names of the registry are tried below each root; a root may also be such a
/// folder itself, told by its name, since the files of MNIST and of its
/// relatives have the same names and cannot tell. Archives are looked for in
/// the root and in those of the folders that are there.
std::vector<Tried> locate(const KnownDataset& known,
                          const std::vector<std::filesystem::path>& roots);

/// The message for a data set that was not found: every path tried, and what
/// to do.
std::string not_found_message(const KnownDataset& known,
                              const std::vector<Tried>& tried);

}  // namespace cape::datasets
