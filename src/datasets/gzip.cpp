#include "datasets/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"

namespace cape::datasets {
namespace {

[[noreturn]] void fail_too_large(const std::string& file, std::size_t limit) {
  fail_user(
      "{}: holds more than the {} bytes that this data set can have; is it "
      "another file under this name?",
      file, limit);
}

/// Inflates all of its input: a gzip file, of one member or several, or one
/// piece of zlib's own format.
class Inflater {
 public:
  enum Format { kZlib = MAX_WBITS, kGzip = 16 + MAX_WBITS };

  Inflater(std::string file, std::span<const std::uint8_t> input,
           std::size_t limit, Format format)
      : file_(std::move(file)), input_(input), limit_(limit), format_(format) {
    if (inflateInit2(&stream_, format) != Z_OK)
      fail("cannot start zlib for {}", file_);
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::vector<std::uint8_t> inflate_all() {
    do {
      inflate_member();
    } while (format_ == kGzip && begins_as_gzip(input_.subspan(used_)));
    if (used_ < input_.size()) {
      fail_user(
          "{}: {} bytes follow the end of the compressed data; copy or "
          "download it again",
          file_, input_.size() - used_);
    }
    output_.resize(produced_);
    return std::move(output_);
  }

 private:
  void inflate_member() {
    inflateReset(&stream_);
    int status = Z_OK;
    while (status != Z_STREAM_END) {
      if (produced_ == output_.size()) grow();
      status = step();
      if (produced_ > limit_) fail_too_large(file_, limit_);
      if (status == Z_BUF_ERROR && used_ == input_.size()) {
        fail_user(
            "{}: truncated: its {} bytes end before the compressed data does; "
            "copy "
            "or download it again",
            file_, input_.size());
      }
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
        fail_user(
            "{}: corrupt compressed data at byte {} ({}); copy or download it "
            "again",
            file_, used_, stream_.msg ? stream_.msg : zError(status));
      }
    }
  }

  /// One call of zlib, whose counters have 32 bits.
  int step() {
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    const auto input =
        static_cast<uInt>(std::min(input_.size() - used_, kMost));
    const auto room =
        static_cast<uInt>(std::min(output_.size() - produced_, kMost));
    stream_.next_in = const_cast<Bytef*>(input_.data() + used_);
    stream_.avail_in = input;
    stream_.next_out = output_.data() + produced_;
    stream_.avail_out = room;
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    used_ += input - stream_.avail_in;
    produced_ += room - stream_.avail_out;
    return status;
  }

  /// Up to one byte beyond the limit, which shows that there is more.
  void grow() {
    const std::size_t first = likely_size() + 64;
    output_.resize(std::min(std::max(first, 2 * output_.size()), limit_ + 1));
  }

  /// A gzip file ends with its size (modulo 2^32), which is believed where it
  /// can be true: deflate packs 1032 bytes into one at most.
  std::size_t likely_size() const {
    if (format_ == kZlib || input_.size() < 4) return 2 * input_.size();
    std::size_t size = 0;
    for (int i = 1; i <= 4; ++i) size = size << 8 | *(input_.end() - i);
    return std::min(size, 1032 * input_.size());
  }

  std::string file_;
  std::span<const std::uint8_t> input_;
  std::size_t limit_;
  Format format_;
  z_stream stream_{};
  std::size_t used_ = 0;
  std::size_t produced_ = 0;
  std::vector<std::uint8_t> output_;
};

}  // namespace

bool begins_as_gzip(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

Bytes inflate_zlib(const File& file, const Bytes& part, std::size_t limit) {
  return Bytes(
      Inflater(file.name, {part.begin(), part.size()}, limit, Inflater::kZlib)
          .inflate_all());
}

Bytes read_maybe_gzip(const std::filesystem::path& path, std::size_t limit) {
  Bytes bytes = map_file(path);
  const std::span<const std::uint8_t> all(bytes.begin(), bytes.size());
  if (begins_as_gzip(all))
    return Bytes(
        Inflater(path.string(), all, limit, Inflater::kGzip).inflate_all());
  if (bytes.size() > limit) fail_too_large(path.string(), limit);
  return bytes;
}

}  // namespace cape::datasets
