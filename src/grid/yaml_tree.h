/// A YAML document as a tree whose values know where they were written, and
/// the list of what is wrong with it. yaml-cpp is seen in yaml_tree.cpp alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cape::grid::yaml {

struct Location {
  int line = 0;
  int column = 0;
  std::string text = {};  ///< "configs/mlp.yaml:3:7", "command line: seed=1"
};

/// A value is found at the key that introduces it, if there is one.
struct Value {
  enum class Kind { null, scalar, list, map };

  Kind kind = Kind::null;
  std::string key = {};           ///< in a map
  std::string text = {};          ///< of a scalar
  std::vector<Value> items = {};  ///< of a list or map, in order, no key twice
  Location location = {};

  /// The value of a map's key, or null.
  const Value* find(std::string_view wanted) const;

  /// What a message calls it: "'abc'", "a list", "nothing".
  std::string found() const;
};

class Problems {
 public:
  /// What was said before of the same place is not said again.
  void add(const Location& where, std::string message);

  /// Throws UserError with one line per problem, in the order of the document.
  void throw_if_any() const;

 private:
  struct Problem {
    Location where;
    std::string message;
  };
  std::vector<Problem> problems_;
};

/// The tree of `text`, which is named `origin` in messages; aliases are
/// replaced by what they stand for, and maps take over the keys of maps that
/// they merge (<<). Reports duplicate keys. Throws UserError
/// where the text is not YAML, or would be a hundred thousand values.
Value parse(const std::string& text, const std::string& origin,
            Problems& problems);

/// Applies `assignment` ("key.path=value", the value in YAML) to `root`: it
/// replaces all that the key held before. Reports what cannot be understood.
void apply_override(Value& root, const std::string& assignment,
                    Problems& problems);

}  // namespace cape::grid::yaml
