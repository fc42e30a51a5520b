#include "grid/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/utf8.h"

namespace cape::grid::yaml {
namespace {

// A configuration has a few hundred; a handful of lines with aliases of aliases
// stand for as many as one likes.
constexpr std::size_t kMostValues = 100'000;

// Of the words of an override's key.
constexpr std::ptrdiff_t kMostDots = 16;

std::size_t count_values(const Value& value) {
  std::size_t count = 1;
  for (const Value& item : value.items) count += count_values(item);
  return count;
}

/// Builds the tree from the parser's events: yaml-cpp's own nodes lose
/// duplicate keys on look-up and can hold cycles.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& origin, Problems& problems)
      : origin_(origin), problems_(problems) {}

  Value take_root() { return std::move(root_); }

  Location locate(const YAML::Mark& mark) const {
    const int line = std::max(mark.line, 0) + 1;
    const int column = std::max(mark.column, 0) + 1;
    return {line, column, fmt::format("{}:{}:{}", origin_, line, column)};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (seen_document_) {
      throw YAML::ParserException(mark, "a second document begins here");
    }
    seen_document_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(make(Value::Kind::null, mark), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor, const std::string& text) override {
    Value value = make(Value::Kind::scalar, mark);
    plain_ = tag == "?";
    value.text = escape_non_utf8(text);
    if (value.text != text) {
      problems_.add(value.location,
                    fmt::format("not UTF-8 (found {}); save the file as UTF-8, "
                                "and name files and folders so",
                                value.found()));
    }
    add(std::move(value), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) {
      throw YAML::ParserException(mark, "an alias inside of its own anchor");
    }
    spend(count_values(found->second), mark);
    add(found->second, YAML::NullAnchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Value::Kind::list, mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Value::Kind::map, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor;
    YAML::Mark mark;
    std::vector<Value> key = {};  ///< of the entry whose value comes next
    bool merges = false;          ///< that key is <<, without quotation marks
    std::vector<Value> merged = {};  ///< maps whose keys the map takes over
  };

  Value make(Value::Kind kind, const YAML::Mark& mark) {
    spend(1, mark);
    Value value;
    value.kind = kind;
    value.location = locate(mark);
    return value;
  }

  void open(Value::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    open_.push_back({make(kind, mark), anchor, mark});
  }

  void spend(std::size_t values, const YAML::Mark& mark) {
    values_ += values;
    if (values_ <= kMostValues) return;
    fail_user(
        "{}: more than {} values up to here, those that anchors and aliases "
        "repeat included; is it a configuration?",
        locate(mark).text, kMostValues);
  }

  void close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    merge(frame);
    if (frame.anchor != YAML::NullAnchor) {
      spend(count_values(frame.value), frame.mark);
    }
    add(std::move(frame.value), frame.anchor);
  }

  void add(Value value, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchored_[anchor] = value;
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().value.kind == Value::Kind::list) {
      open_.back().value.items.push_back(std::move(value));
    } else if (open_.back().key.empty()) {
      if (value.kind != Value::Kind::scalar) {
        throw YAML::ParserException(open_.back().mark, "a key must be a word");
      }
      open_.back().merges = plain_ && value.text == "<<";
      open_.back().key.push_back(std::move(value));
    } else if (open_.back().merges) {
      take_merged(open_.back(), std::move(value));
    } else {
      add_entry(open_.back(), std::move(value));
    }
  }

  /// The value of a merge key of YAML 1.1: a map, or a list of maps.
  void take_merged(Frame& frame, Value value) {
    const Location location = frame.key.back().location;
    frame.key.clear();
    std::vector<Value> maps = value.kind == Value::Kind::list
                                  ? std::move(value.items)
                                  : std::vector<Value>{std::move(value)};
    for (Value& map : maps) {
      if (map.kind != Value::Kind::map) {
        problems_.add(location,
                      fmt::format("<< merges maps of keys (found {}); give an "
                                  "alias of a map, like <<: *name",
                                  map.found()));
        return;
      }
      frame.merged.push_back(std::move(map));
    }
  }

  /// A map's own keys count, then those of the map that was merged first.
  static void merge(Frame& frame) {
    for (Value& map : frame.merged) {
      for (Value& item : map.items) {
        if (frame.value.find(item.key) == nullptr)
          frame.value.items.push_back(std::move(item));
      }
    }
  }

  void add_entry(Frame& frame, Value value) {
    const Value key = std::move(frame.key.back());
    frame.key.clear();
    value.key = key.text;
    value.location = key.location;
    if (const Value* first = frame.value.find(key.text)) {
      problems_.add(key.location,
                    fmt::format("duplicate key '{}' (first at {}); remove one",
                                key.text, first->location.text));
      return;
    }
    frame.value.items.push_back(std::move(value));
  }

  const std::string& origin_;
  Problems& problems_;
  Value root_;
  std::vector<Frame> open_;
  std::map<YAML::anchor_t, Value> anchored_;
  std::size_t values_ = 0;
  bool seen_document_ = false;
  bool plain_ = false;  ///< the last scalar had no quotation marks
};

void relocate(Value& value, const Location& location) {
  value.location = location;
  for (Value& item : value.items) relocate(item, location);
}

/// Puts `value` at `path` below `root`; what stands in the way, and what was
/// there, gives place.
void put(Value& root, std::string_view path, Value value) {
  if (root.kind != Value::Kind::map) {
    root = {
        .kind = Value::Kind::map, .key = root.key, .location = value.location};
  }
  const std::string_view key = path.substr(0, path.find('.'));
  auto item = std::find_if(root.items.begin(), root.items.end(),
                           [&](const Value& v) { return v.key == key; });
  if (item == root.items.end()) {
    item = root.items.insert(
        item, {.key = std::string(key), .location = value.location});
  }
  if (key.size() < path.size()) {
    put(*item, path.substr(key.size() + 1), std::move(value));
  } else {
    value.key = item->key;
    *item = std::move(value);
  }
}

}  // namespace

const Value* Value::find(std::string_view wanted) const {
  if (kind != Kind::map) return nullptr;
  const auto item =
      std::find_if(items.begin(), items.end(),
                   [&](const Value& v) { return v.key == wanted; });
  return item == items.end() ? nullptr : &*item;
}

std::string Value::found() const {
  constexpr std::size_t kLongest = 40;
  switch (kind) {
    case Kind::null:
      return "nothing";
    case Kind::list:
      return items.empty() ? "an empty list" : "a list";
    case Kind::map:
      return "a map of keys";
    case Kind::scalar:
      break;
  }
  const std::string line = text.substr(0, text.find('\n'));
  if (line.size() <= kLongest && line.size() == text.size()) {
    return fmt::format("'{}'", text);
  }
  return fmt::format("'{}...'", line.substr(0, kLongest));
}

void Problems::add(const Location& where, std::string message) {
  for (const Problem& known : problems_) {
    if (known.where.text == where.text && known.message == message) return;
  }
  problems_.push_back({where, std::move(message)});
}

void Problems::throw_if_any() const {
  if (problems_.empty()) return;
  std::vector<Problem> sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Problem& a, const Problem& b) {
                     return std::tie(a.where.line, a.where.column) <
                            std::tie(b.where.line, b.where.column);
                   });
  std::string lines;
  for (const Problem& problem : sorted) {
    if (!lines.empty()) lines += '\n';
    lines += fmt::format("{}: {}", problem.where.text, problem.message);
  }
  throw UserError(lines);
}

Value parse(const std::string& text, const std::string& origin,
            Problems& problems) {
  std::istringstream stream(text);
  TreeBuilder builder(origin, problems);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    const std::string where = builder.locate(error.mark).text;
    if (text.find('\0') != std::string::npos) {
      fail_user("{}: this is no text, so no configuration; name a YAML file",
                origin);
    }
    fail_user("{}: not valid YAML ({}); mend the syntax here or just before{}",
              where, error.msg,
              text.find('\t') == std::string::npos
                  ? ""
                  : ", where YAML takes spaces alone and no tabs");
  }
  return builder.take_root();
}

void apply_override(Value& root, const std::string& assignment,
                    Problems& problems) {
  const Location location{0, 0, "command line: " + assignment};
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    problems.add(location, "not of the form key.path=value");
    return;
  }
  const std::string_view path = std::string_view(assignment).substr(0, equals);
  if (std::count(path.begin(), path.end(), '.') > kMostDots) {
    problems.add(location, "no key has so many parts");
    return;
  }
  Problems own;
  try {
    Value value = parse(assignment.substr(equals + 1), "value", own);
    own.throw_if_any();
    relocate(value, location);
    put(root, path, std::move(value));
  } catch (const UserError& error) {
    problems.add(location, error.what());
  }
}

}  // namespace cape::grid::yaml
