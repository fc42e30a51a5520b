/// The meta-datasets that the authors of CAPE published, as rows.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "shard/schema.h"

namespace cape::shard {

/// Reads one published CSV file. Each row is a trajectory of its own, keyed by
/// the file's content and the row's number; t_star is the file's T_star - 1,
/// and 5000 (the cap) where the row did not converge. What the file does not
/// say is missing. `family` is inferred when empty: from the columns
/// (cnn_family, architecture) or from "mlp" or "rnn" in the file's name.
/// Throws UserError with file and line.
std::vector<Row> read_published_csv(const std::filesystem::path& path,
                                    const std::string& family = "");

}  // namespace cape::shard
