/// Reads pickles of protocol 2, in which Python 2 saved data sets. Only what
/// plain data need is understood: None, booleans, integers, strings, tuples,
/// lists, dictionaries and numpy arrays of unsigned bytes. Everything else,
/// above all any other class or function, is refused. Nothing is ever called.
/// https://docs.python.org/3/library/pickletools.html
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "datasets/bytes.h"

namespace cape::datasets::pickle {

struct Value;

struct None {};

struct String {
  Bytes bytes;
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

struct Tuple {
  std::vector<const Value*> items;
};

struct List {
  std::vector<const Value*> items;
};

struct Dictionary {
  std::vector<std::pair<const Value*, const Value*>> items;
};

/// A numpy array of unsigned bytes, row by row, at its place in the file.
struct Array {
  std::vector<std::int64_t> shape;
  Bytes bytes;
};

/// A function or class by whose name arrays are pickled.
enum class Global { reconstruct, ndarray, dtype };

/// numpy's type of unsigned bytes.
struct UnsignedByte {};

struct Value {
  std::variant<None, bool, std::int64_t, String, Tuple, List, Dictionary, Array,
               Global, UnsignedByte>
      data;
};

class Document {
 public:
  /// Throws UserError, which names the file, if it is truncated, no pickle, or
  /// contains something that is not plain data.
  explicit Document(const File& file);

  /// The value of `key` in the pickle's dictionary. Throws UserError when the
  /// pickle is no dictionary, or has no T there.
  template <class T>
  const T& at(std::string_view key) const {
    const T* const value = std::get_if<T>(&find(key).data);
    if (!value) fail_type(key);
    return *value;
  }

 private:
  const Value& find(std::string_view key) const;
  [[noreturn]] void fail_type(std::string_view key) const;

  std::string name_;
  std::deque<Value> values_;  ///< all values that others point to
  const Value* root_ = nullptr;
};

}  // namespace cape::datasets::pickle
