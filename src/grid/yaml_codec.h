/// How values of a configuration are read from YAML and written to it. A Scalar
/// knows one kind of word or number; a Codec is a Scalar or is put together
/// from some; a Key ties a Codec to a place in the document and a variable.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/enum_names.h"
#include "grid/yaml_tree.h"

namespace cape::grid::yaml {

template <class T>
struct Scalar {
  std::string expected;  ///< "a whole number of at least 1", for messages
  std::function<std::optional<T>(const std::string& text)> parse;
  std::function<std::string(const T&)> write;
  std::vector<std::string> words = {};  ///< that one may have meant
};

/// The numbers that a key takes, and how a message says so.
struct Range {
  std::string text;
  std::function<bool(double)> contains;
};

Range above(double low);
Range at_least(double low);
Range from_to(double low, double high);  ///< both ends included
Range between(double low, double high);  ///< neither end included

Scalar<std::int64_t> whole(const Range& range);
Scalar<std::uint64_t> unsigned_whole();
Scalar<double> real(const Range& range);     ///< finite
Scalar<double> seconds(const Range& range);  ///< a number, or "2h30m"
Scalar<bool> flag();
Scalar<std::string> text();
Scalar<std::string> file_word();  ///< may stand in a file's name
Scalar<std::string> word_of(const std::vector<std::string>& words);

/// One of some words, each standing for a value.
template <class T>
Scalar<T> choice(const std::vector<std::pair<std::string, T>>& choices) {
  std::vector<std::string> words;
  words.reserve(choices.size());
  for (const auto& [word, value] : choices) words.push_back(word);
  const Scalar<std::string> any = word_of(words);
  return {.expected = any.expected,
          .parse = [=](const std::string& text) -> std::optional<T> {
            for (const auto& [word, value] : choices) {
              if (word == text) return value;
            }
            return std::nullopt;
          },
          .write =
              [=](const T& wanted) {
                for (const auto& [word, value] : choices) {
                  if (value == wanted) return word;
                }
                return std::string();
              },
          .words = words};
}

/// One of the words of an enum.
template <NamedEnum E>
Scalar<E> enumerator() {
  const Scalar<std::string> any = word_of(enum_words<E>());
  return {.expected = any.expected,
          .parse = [](const std::string& text) { return find_enum<E>(text); },
          .write = [](const E& value) { return std::string(to_string(value)); },
          .words = any.words};
}

/// A word, which stands for `value`, or a number.
template <class T, class N>
Scalar<T> word_or(const std::string& word, const Scalar<N>& number,
                  const T& value) {
  return {.expected = word + " or " + number.expected,
          .parse = [=](const std::string& text) -> std::optional<T> {
            if (text == word) return value;
            const std::optional<N> parsed = number.parse(text);
            if (!parsed) return std::nullopt;
            return T(*parsed);
          },
          .write =
              [=](const T& other) {
                if (other == value) return word;
                if constexpr (std::is_same_v<T, N>) {
                  return number.write(other);
                } else {
                  return number.write(*other);
                }
              },
          .words = {word}};
}

template <class T, class N>
Scalar<T> auto_or(const Scalar<N>& number, const T& value) {
  return word_or("auto", number, value);
}

/// `auto`, which is nothing, or a number.
template <class N>
Scalar<std::optional<N>> optional(const Scalar<N>& number) {
  return auto_or<std::optional<N>, N>(number, std::nullopt);
}

template <class T>
struct Codec {
  /// The value at `path`, or nothing after telling the problems why.
  std::function<std::optional<T>(const Value&, const std::string& path,
                                 Problems&)>
      read;
  std::function<std::string(const T&)> write;
};

/// Reports "wrong value for PATH (found ...); ADVICE".
void report_wrong_value(const Value& value, const std::string& path,
                        const std::string& advice, Problems& problems);

/// "; did you mean 'x'?" where a word near `word` is known, else nothing.
std::string did_you_mean(const std::string& word,
                         const std::vector<std::string>& known);

template <class T>
Codec<T> codec(const Scalar<T>& scalar) {
  return {.read = [=](const Value& value, const std::string& path,
                      Problems& problems) -> std::optional<T> {
            std::optional<T> parsed;
            if (value.kind == Value::Kind::scalar) {
              parsed = scalar.parse(value.text);
            }
            if (!parsed) {
              report_wrong_value(value, path,
                                 "give " + scalar.expected +
                                     did_you_mean(value.text, scalar.words),
                                 problems);
            }
            return parsed;
          },
          .write = scalar.write};
}

/// true, 3 and 0.5 as such, every other scalar as text, anything else as null.
nlohmann::json scalar_json(const Value& value);

/// The same, and lists and maps of them.
nlohmann::json any_json(const Value& value);

bool contains(const std::vector<std::string>& words, const std::string& word);

/// The elements of a list with their paths; a value alone is a list of one.
/// Reports an empty list and one that is missing.
std::vector<std::pair<std::string, const Value*>> elements(
    const Value& value, const std::string& path, Problems& problems);

/// "[a, b]".
template <class T, class Write>
std::string write_flow(const std::vector<T>& all, const Write& write) {
  std::string flow;
  for (const T& item : all) flow += (flow.empty() ? "" : ", ") + write(item);
  return "[" + flow + "]";
}

template <class T>
std::vector<T> read_distinct(const Codec<T>& element, const Value& value,
                             const std::string& path, Problems& problems) {
  std::vector<T> all;
  std::set<std::string> seen;
  for (const auto& [at, item] : elements(value, path, problems)) {
    std::optional<T> read = element.read(*item, at, problems);
    if (!read) continue;
    if (!seen.insert(element.write(*read)).second) {
      report_wrong_value(*item, at, "it is in the list already, remove it",
                         problems);
    }
    all.push_back(std::move(*read));
  }
  return all;
}

/// At least one element, none twice.
template <class T>
Codec<std::vector<T>> list(const Codec<T>& element) {
  return {
      .read =
          [=](const Value& value, const std::string& path, Problems& problems) {
            return std::optional(read_distinct(element, value, path, problems));
          },
      .write =
          [=](const std::vector<T>& all) {
            return write_flow(all, element.write);
          }};
}

template <class T>
Codec<std::vector<T>> list(const Scalar<T>& element) {
  return list(codec(element));
}

struct Key {
  std::string path;  ///< "grid.batch_size"
  std::function<void(const Value&, Problems&)> read;
  std::function<std::string()> write;
  bool required = false;
};

/// `target`, which must outlive the key, holds the default.
template <class T>
Key key(const std::string& path, T& target, const Codec<T>& codec) {
  return {.path = path,
          .read =
              [=, &target](const Value& value, Problems& problems) {
                std::optional<T> read = codec.read(value, path, problems);
                if (read) target = std::move(*read);
              },
          .write = [=, &target] { return codec.write(target); }};
}

template <class T>
Key key(const std::string& path, T& target, const Scalar<T>& scalar) {
  return key(path, target, codec(scalar));
}

Key required(Key key);

}  // namespace cape::grid::yaml
