#include "datasets/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"

namespace cape::datasets {
namespace {

bool begins_as_gzip(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

[[noreturn]] void fail_too_large(const std::string& file, std::size_t limit) {
  fail_user(
      "{}: holds more than the {} bytes that this data set can have; is it "
      "another file under this name?",
      file, limit);
}

/// Inflates a whole gzip file, of one member or several.
class Inflater {
 public:
  Inflater(std::string file, std::span<const std::uint8_t> input,
           std::size_t limit)
      : file_(std::move(file)), input_(input), limit_(limit) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK)
      fail("cannot start zlib for {}", file_);
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::vector<std::uint8_t> inflate_all() {
    do {
      inflate_member();
    } while (begins_as_gzip(input_.subspan(used_)));
    if (used_ < input_.size()) {
      fail_user(
          "{}: {} bytes that are not gzip follow the gzip data; copy or "
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
            "{}: truncated: its {} bytes end before the gzip data does; copy "
            "or download it again",
            file_, input_.size());
      }
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
        fail_user(
            "{}: corrupt gzip data at byte {} ({}); copy or download it again",
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

  /// Up to one byte beyond the limit, which shows that there is more. The file
  /// ends with its size (modulo 2^32), which is believed where it can be true:
  /// deflate packs 1032 bytes into one at most.
  void grow() {
    std::size_t first = 0;
    if (input_.size() >= 4)
      for (int i = 1; i <= 4; ++i)
        first =
            first << 8 | input_[input_.size() - static_cast<std::size_t>(i)];
    first = std::min(first, 1032 * input_.size()) + 64;
    output_.resize(std::min(std::max(first, 2 * output_.size()), limit_ + 1));
  }

  std::string file_;
  std::span<const std::uint8_t> input_;
  std::size_t limit_;
  z_stream stream_{};
  std::size_t used_ = 0;
  std::size_t produced_ = 0;
  std::vector<std::uint8_t> output_;
};

}  // namespace

Bytes read_maybe_gzip(const std::filesystem::path& path, std::size_t limit) {
  Bytes bytes = map_file(path);
  const std::span<const std::uint8_t> all(bytes.begin(), bytes.size());
  if (begins_as_gzip(all))
    return Bytes(Inflater(path.string(), all, limit).inflate_all());
  if (bytes.size() > limit) fail_too_large(path.string(), limit);
  return bytes;
}

}  // namespace cape::datasets
