#include "shard/text.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <unordered_set>

#include "core/error.h"

namespace cape::shard {
namespace {

/// The bytes of the UTF-8 character that begins with `lead`; 0: none does.
std::size_t character_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length =
        character_length(static_cast<unsigned char>(text.front()));
    if (length == 0 || length > text.size()) return false;
    const auto continues = [](char c) { return (c & 0xC0) == 0x80; };
    if (!std::ranges::all_of(text.substr(1, length - 1), continues)) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

/// The elements of an unordered_set stay where they are.
struct Pool {
  std::mutex mutex;
  std::unordered_set<std::string, Hash, std::equal_to<>> texts;
};

/// Never destroyed: rows may outlive main().
Pool& pool() {
  static Pool& pool = *new Pool;
  return pool;
}

}  // namespace

void check_text(std::string_view text) {
  if (text.find('\0') != text.npos || !is_utf8(text)) {
    fail("'{}' holds a NUL or is not UTF-8", text);
  }
}

Text::Text() {
  static const Text empty = store("");
  *this = empty;
}

Text Text::store(std::string_view text) {
  Pool& shared = pool();
  const std::lock_guard lock(shared.mutex);
  const auto found = shared.texts.find(text);
  if (found != shared.texts.end()) return Text(&*found);
  check_text(text);
  return Text(&*shared.texts.emplace(text).first);
}

}  // namespace cape::shard
