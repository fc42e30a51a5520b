/// Content hashes (XXH3, 128 bits) and the seeds derived from them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cape {

/// 32 lower-case hexadecimal digits.
std::string content_hash(std::string_view bytes);

/// Hashes a stream piece by piece; equals content_hash of the concatenation.
class ContentHasher {
 public:
  ContentHasher();
  ~ContentHasher();
  ContentHasher(const ContentHasher&) = delete;
  ContentHasher& operator=(const ContentHasher&) = delete;

  void update(const void* data, std::size_t size);
  std::string digest() const;

 private:
  void* state_;
};

/// A 64-bit seed from a text: the same on every machine and in every release.
std::uint64_t seed_of(std::string_view text);

}  // namespace cape
