/// Mutates archives such that the checksums of their headers stay right, which
/// chance would not find again.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                                        std::size_t max_size);

namespace cape::fuzz {

/// Sets the checksum of a block that looks like a header.
inline void mend_header(std::span<std::uint8_t, 512> block) {
  const auto magic = block.subspan<257, 5>();
  const auto checksum = block.subspan<148, 8>();
  if (!std::ranges::equal(magic, std::string_view("ustar"))) return;
  std::ranges::fill(checksum, ' ');
  const unsigned sum = std::accumulate(block.begin(), block.end(), 0U);
  std::ranges::copy(fmt::format("{:06o}", sum), checksum.begin());
  checksum[6] = '\0';
}

}  // namespace cape::fuzz

/// What libFuzzer calls to change an input.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                               std::size_t size,
                                               std::size_t max_size,
                                               unsigned /*seed*/) {
  const std::size_t new_size = LLVMFuzzerMutate(data, size, max_size);
  for (std::size_t at = 0; at + 512 <= new_size; at += 512)
    cape::fuzz::mend_header(std::span<std::uint8_t, 512>(data + at, 512));
  return new_size;
}
