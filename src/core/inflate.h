/// Inflating what is in memory whole, with libdeflate: it takes a third of
/// zlib's time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

struct libdeflate_decompressor;

namespace cape {

class Inflater {
 public:
  enum class Format { gzip, zlib };
  enum class Status {
    done,
    no_room,  ///< the output is longer; what was written of it means nothing
    damaged   ///< truncated, corrupt, or of a wrong checksum
  };
  struct Result {
    Status status;
    std::size_t used = 0;      ///< bytes of the input, up to the stream's end
    std::size_t produced = 0;  ///< bytes of the output
  };

  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// The first stream of the input: a member of gzip, or one in zlib's format.
  Result inflate(Format format, std::span<const std::uint8_t> input,
                 std::span<std::uint8_t> output);

 private:
  libdeflate_decompressor* decompressor_;
};

}  // namespace cape
