/// Reads files of data sets, which may be gzip-compressed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "datasets/bytes.h"

namespace cape::datasets {

/// Whether these are the first bytes of a gzip file.
bool has_gzip_header(std::span<const std::uint8_t> bytes);

/// The contents of `path`: mapped, or inflated if they are gzip. The first
/// bytes decide, since browsers like to unpack a file and keep its name. At
/// most `limit` bytes are accepted, so that neither a wrong file nor a gzip
/// bomb fills the memory. Throws UserError, which names the file: unreadable,
/// larger, truncated, corrupt, or followed by something else.
Bytes read_plain_or_gzip(const std::filesystem::path& path, std::size_t limit);

/// Inflates a part of a file that is in zlib's own format. Throws like
/// read_plain_or_gzip.
Bytes inflate_zlib(const File& file, const Bytes& part, std::size_t limit);

}  // namespace cape::datasets
