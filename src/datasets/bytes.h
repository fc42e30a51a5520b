/// Read-only bytes, shared by all views of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace cape::datasets {

/// Bytes of a mapped file or of memory. They live as long as any copy of this
/// view or of a part of it.
class Bytes {
 public:
  using value_type = std::uint8_t;
  using const_iterator = const std::uint8_t*;

  Bytes() = default;
  explicit Bytes(std::vector<std::uint8_t> values);
  Bytes(std::shared_ptr<const std::uint8_t> data, std::size_t size)
      : data_(std::move(data)), size_(size) {}

  const std::uint8_t* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::uint8_t operator[](std::size_t i) const { return data_.get()[i]; }
  const std::uint8_t* begin() const { return data(); }
  const std::uint8_t* end() const { return data() + size_; }

  /// The `size` bytes from `offset` on, which must exist.
  Bytes part(std::size_t offset, std::size_t size) const {
    return {{data_, data() + offset}, size};
  }

 private:
  std::shared_ptr<const std::uint8_t> data_;
  std::size_t size_ = 0;
};

/// Bytes with their name for messages: a path, or a path and a member of it.
struct File {
  std::string name;
  Bytes bytes;
};

/// Maps `path`, so that all processes that read it share its pages. If somebody
/// shortens the file while it is mapped, these processes die. Throws UserError,
/// which names the file, when it cannot be read or is no regular file.
Bytes map_file(const std::filesystem::path& path);

}  // namespace cape::datasets
