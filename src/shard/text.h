/// The texts of a row. Rows repeat a few texts many times, so each is stored
/// once for the whole program and a row points to it.
#pragma once

#include <compare>
#include <concepts>
#include <string>
#include <string_view>

namespace cape::shard {

/// A UTF-8 text of any length without NUL: a pointer, as cheap to copy as a
/// number. Equal texts have equal pointers. Texts are never given back.
class Text {
 public:
  Text();
  /// Throws Error when the text holds a NUL or is not UTF-8.
  template <std::convertible_to<std::string_view> T>
  Text(const T& text) : Text(store(text)) {}

  Text& assign(std::string_view text) { return *this = store(text); }
  std::string_view view() const { return *text_; }
  const std::string& str() const { return *text_; }
  bool operator==(const Text&) const = default;

 private:
  explicit Text(const std::string* text) : text_(text) {}
  static Text store(std::string_view text);

  const std::string* text_;
};

/// Throws Error unless the text is UTF-8 without NUL.
void check_text(std::string_view text);

}  // namespace cape::shard
