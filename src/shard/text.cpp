#include "shard/text.h"

#include <functional>
#include <mutex>
#include <unordered_set>

#include "core/error.h"
#include "core/utf8.h"

namespace cape::shard {
namespace {

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
