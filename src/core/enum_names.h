/// The words for enumerators that users type or read: one table an enum, beside
/// the enum, from which both directions, error messages and options come.
///
///   enum class Shape { round, square };
///   constexpr auto enum_names(Shape) {
///     return EnumNames{"shape", std::to_array<EnumName<Shape>>(
///                                   {{Shape::round, "round"},
///                                    {Shape::square, "square"}})};
///   }
///
/// to_string(Shape::round) is then "round", parse_enum<Shape>("square") is
/// Shape::square, and JSON has the words.
#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace cape {

template <class E>
struct EnumName {
  E value;
  const char* name;
};

template <class E, std::size_t N>
struct EnumNames {
  const char* what;  ///< what an enumerator is, for messages: "stop reason"
  std::array<EnumName<E>, N> names;
};

/// For compilers that do not deduce the arguments of aggregates: clang 14.
template <class E, std::size_t N>
EnumNames(const char*, std::array<EnumName<E>, N>) -> EnumNames<E, N>;

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E value) {
  enum_names(value);
};

/// The word for `value`; empty for one that the table does not have.
template <NamedEnum E>
constexpr const char* to_string(E value) {
  for (const auto& known : enum_names(E{}).names) {
    if (known.value == value) return known.name;
  }
  return "";
}

/// The enumerator that `word` stands for, if any.
template <NamedEnum E>
constexpr std::optional<E> find_enum(std::string_view word) {
  for (const auto& known : enum_names(E{}).names) {
    if (known.name == word) return known.value;
  }
  return std::nullopt;
}

/// All words, in the order of the table.
template <NamedEnum E>
std::vector<std::string> enum_words() {
  std::vector<std::string> words;
  for (const auto& known : enum_names(E{}).names) {
    words.emplace_back(known.name);
  }
  return words;
}

/// Throws Error: no <what> '<word>'; there are: <words>.
[[noreturn]] void fail_unknown_word(const char* what, std::string_view word,
                                    const std::vector<std::string>& words);

/// The enumerator that `word` stands for. Throws Error, which lists the words,
/// where there is none.
template <NamedEnum E>
E parse_enum(std::string_view word) {
  if (const std::optional<E> found = find_enum<E>(word)) return *found;
  fail_unknown_word(enum_names(E{}).what, word, enum_words<E>());
}

}  // namespace cape

/// As words. Reading throws Error for another one.
template <cape::NamedEnum E>
struct nlohmann::adl_serializer<E, void> {
  template <class Json>
  static void to_json(Json& json, E value) {
    json = cape::to_string(value);
  }
  template <class Json>
  static void from_json(const Json& json, E& value) {
    value = cape::parse_enum<E>(json.template get<std::string>());
  }
};
