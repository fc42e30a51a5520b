/// Reads shards. Every function throws UserError, which names the file, what
/// was found and what to do, when the file cannot be read, is no shard, is
/// damaged, or has a newer format_version than this program knows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "shard/curve.h"
#include "shard/provenance.h"
#include "shard/schema.h"

namespace cape::shard {

/// What a shard has beside its rows.
struct ShardContent {
  /// Columns of a newer program, which are skipped.
  std::vector<std::string> unknown_columns;
};

/// Calls `take` with each row of one shard, in file order, in bounded memory.
/// Columns that an older program did not write have the defaults of Row.
ShardContent for_each_row(const std::filesystem::path& path,
                          const std::function<void(const Row&)>& take);

/// The losses of all curves of one shard end to end; Row::curve_offset and
/// Row::validation_offset point into it.
std::vector<float> read_curves(const std::filesystem::path& path);

/// The step of each of these losses; nothing where an older program wrote the
/// shard: there each curve has the steps 0, 1, 2, ...
std::vector<std::int32_t> read_curve_steps(const std::filesystem::path& path);

/// One of the curves: `length` losses from `offset` on.
Curve read_curve(const std::filesystem::path& path, std::int64_t offset,
                 std::int64_t length);

/// What the shard says of the run that wrote it.
Provenance read_provenance(const std::filesystem::path& path);

/// The shards (*.h5) directly in `directory`, sorted by name.
std::vector<std::filesystem::path> shards_in(
    const std::filesystem::path& directory);

}  // namespace cape::shard
