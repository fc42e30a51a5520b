#include "datasets/gzip.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/inflate.h"

namespace cape::datasets {
namespace {

[[noreturn]] void fail_too_large(const std::string& file, std::size_t limit) {
  fail_user(
      "{}: holds more than the {} bytes that this data set can have; is it "
      "another file under this name?",
      file, limit);
}

/// Inflates a whole input: a gzip file with one or several members, or one
/// stream in zlib's own format.
class Inflation {
 public:
  using Format = Inflater::Format;

  Inflation(std::string file, std::span<const std::uint8_t> input,
            std::size_t limit, Format format)
      : file_(std::move(file)), input_(input), limit_(limit), format_(format) {
    grow(likely_size() + 64);
  }

  Bytes inflate_all() {
    do {
      inflate_member();
    } while (format_ == Format::gzip && has_gzip_header(rest()));
    if (used_ < input_.size()) {
      fail_user(
          "{}: {} bytes follow the end of the compressed data; copy or "
          "download it again",
          file_, input_.size() - used_);
    }
    return {{output_, output_.get()}, produced_};
  }

 private:
  std::span<const std::uint8_t> rest() const { return input_.subspan(used_); }

  void inflate_member() {
    using enum Inflater::Status;
    while (true) {
      const auto [status, used, produced] = inflater_.inflate(
          format_, rest(), {output_.get() + produced_, room_ - produced_});
      used_ += used;
      produced_ += produced;
      if (produced_ > limit_ || (status == no_room && room_ > limit_)) {
        fail_too_large(file_, limit_);
      }
      if (status == done) return;
      if (status == damaged) {
        fail_user(
            "{}: truncated or corrupt compressed data ({} bytes, from byte {} "
            "on); copy or download it again",
            file_, input_.size(), used_);
      }
      grow(2 * room_);
    }
  }

  /// Up to one byte more than the limit, which shows that there is more. Memory
  /// that is never written to costs nothing.
  void grow(std::size_t room) {
    room_ = std::min(room, limit_ + 1);
    std::shared_ptr<std::uint8_t[]> larger(new std::uint8_t[room_]);
    std::copy_n(output_.get(), produced_, larger.get());
    output_ = std::move(larger);
  }

  /// A gzip file ends with its size (modulo 2^32). It is used if it is
  /// possible: deflate packs at most 1032 bytes into one.
  std::size_t likely_size() const {
    if (format_ == Format::zlib || input_.size() < 4) return 2 * input_.size();
    std::size_t size = 0;
    for (int i = 1; i <= 4; ++i) size = size << 8 | *(input_.end() - i);
    return std::min(size, 1032 * input_.size());
  }

  std::string file_;
  std::span<const std::uint8_t> input_;
  std::size_t limit_;
  Format format_;
  Inflater inflater_;
  std::size_t used_ = 0;
  std::size_t produced_ = 0;
  std::size_t room_ = 0;
  std::shared_ptr<std::uint8_t[]> output_;
};

}  // namespace

bool has_gzip_header(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

Bytes inflate_zlib(const File& file, const Bytes& part, std::size_t limit) {
  return Inflation(file.name, {part.begin(), part.size()}, limit,
                   Inflater::Format::zlib)
      .inflate_all();
}

Bytes read_plain_or_gzip(const std::filesystem::path& path, std::size_t limit) {
  Bytes bytes = map_file(path);
  const std::span<const std::uint8_t> all(bytes.begin(), bytes.size());
  if (has_gzip_header(all))
    return Inflation(path.string(), all, limit, Inflater::Format::gzip)
        .inflate_all();
  if (bytes.size() > limit) fail_too_large(path.string(), limit);
  return bytes;
}

}  // namespace cape::datasets
