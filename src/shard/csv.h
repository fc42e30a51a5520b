/// Rows in CSV files (RFC 4180).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "shard/merge.h"

namespace cape::shard {

/// Writes the non-volatile columns, a header first: numbers such that reading
/// them back gives the same bits, NaN as an empty field, booleans as True and
/// False. The same set of rows gives the same bytes whatever files they came
/// from. Throws StoppedError when the file cannot be written.
void export_csv(const MergedTable& table, const std::filesystem::path& path);

/// Whether the name says CSV: *.csv or *.csv.gz.
bool is_csv(const std::filesystem::path& path);

/// The text of a CSV file, which may be gzip-compressed. Throws UserError where
/// it cannot be read.
std::string read_csv_text(const std::filesystem::path& path);

/// The rows of a file that export_csv wrote, with the values that rows without
/// a column have where it has none, or of a published meta-dataset
/// (published_csv.h); the header tells. Throws UserError with file and line.
std::vector<Row> read_csv(const std::filesystem::path& path);

}  // namespace cape::shard
