/// Inflates data that are in memory as a whole, with libdeflate, which takes a
/// third of the time of zlib.
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
    no_room,  ///< the output is longer than its buffer, which is then undefined
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

  /// Inflates the first stream of the input: a member of gzip, or a stream in
  /// zlib's format.
  Result inflate(Format format, std::span<const std::uint8_t> input,
                 std::span<std::uint8_t> output);

 private:
  libdeflate_decompressor* decompressor_;
};

}  // namespace cape
