#include "core/utf8.h"

#include <fmt/format.h>

#include <cstddef>

#include "core/error.h"

namespace cape {
namespace {

/// Bytes of the character that `text` begins with; 0 where that is none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  unsigned code = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3fU);
  }
  // Longer than needed, half of a pair of UTF-16, or beyond the last one.
  const bool is_short =
      (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (is_short || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) {
    return 0;
  }
  return length;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string escape_non_utf8(std::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length > 0) {
      escaped += text.substr(0, length);
      text.remove_prefix(length);
    } else {
      escaped +=
          fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
    }
  }
  return escaped;
}

void require_utf8(std::string_view text, std::string_view what) {
  if (is_utf8(text)) return;
  fail_user(
      "{} is not UTF-8 (found '{}'); rename the file or folder, or reach it "
      "through a symbolic link whose path is UTF-8",
      what, escape_non_utf8(text));
}

}  // namespace cape
