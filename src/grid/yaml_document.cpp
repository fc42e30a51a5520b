#include "grid/yaml_document.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>

#include "core/units.h"

namespace cape::grid::yaml {
namespace {

std::string join(const std::string& path, const std::string& key) {
  return path.empty() ? key : fmt::format("{}.{}", path, key);
}

std::string parent(const std::string& path) {
  const std::size_t dot = path.find_last_of('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

std::string last_word(const std::string& path) {
  return path.substr(path.find_last_of('.') + 1);
}

std::string key_advice(const std::string& word,
                       const std::vector<std::string>& known) {
  const std::string meant = did_you_mean(word, known);
  return meant.empty()
             ? fmt::format("; the keys here are {}", fmt::join(known, ", "))
             : meant;
}

void report_unknown_key(const Value& value, const std::string& path,
                        const std::string& advice, Problems& problems) {
  problems.add(value.location, fmt::format("unknown key '{}'{}", path, advice));
}

class DocumentReader {
 public:
  DocumentReader(const std::vector<Key>& keys, Problems& problems)
      : keys_(keys), problems_(problems) {}

  /// `path` is empty for the whole document.
  void read(const Value& section, const std::string& path) {
    if (section.kind != Value::Kind::map && section.kind != Value::Kind::null) {
      report_wrong_value(section, path.empty() ? "the configuration" : path,
                         fmt::format("give a map of the keys {}",
                                     fmt::join(words_below(path), ", ")),
                         problems_);
      return;
    }
    for (const Value& value : section.items) {
      const std::string at = join(path, value.key);
      if (const Key* key = find(at)) {
        key->read(value, problems_);
      } else if (!words_below(at).empty()) {
        read(value, at);
      } else {
        report_unknown_key(value, at, advice(value.key, path), problems_);
      }
    }
  }

 private:
  const Key* find(const std::string& path) const {
    const auto key = std::find_if(
        keys_.begin(), keys_.end(),
        [&](const Key& candidate) { return candidate.path == path; });
    return key == keys_.end() ? nullptr : &*key;
  }

  /// The words that follow `path` in the table.
  std::vector<std::string> words_below(const std::string& path) const {
    const std::string prefix = join(path, "");
    std::vector<std::string> words;
    for (const Key& key : keys_) {
      if (!key.path.starts_with(prefix)) continue;
      const std::string rest = key.path.substr(prefix.size());
      const std::string word = rest.substr(0, rest.find('.'));
      if (words.empty() || words.back() != word) words.push_back(word);
    }
    return words;
  }

  /// A key may be misspelt, or right but in the wrong section.
  std::string advice(const std::string& word, const std::string& path) const {
    const std::vector<std::string> here = words_below(path);
    std::vector<std::string> anywhere = here;
    for (const Key& key : keys_) anywhere.push_back(last_word(key.path));
    const std::string meant = nearest(word, anywhere);
    for (const Key& key : keys_) {
      if (last_word(key.path) == meant && !contains(here, meant)) {
        return fmt::format("; did you mean '{}'?", key.path);
      }
    }
    return key_advice(word, here);
  }

  const std::vector<Key>& keys_;
  Problems& problems_;
};

const Value* look_up(const Value& root, const std::string& path) {
  const std::string section = parent(path);
  const Value* value = section.empty() ? &root : look_up(root, section);
  return value ? value->find(last_word(path)) : nullptr;
}

void report_missing(const Value& root, const Key& key, Problems& problems) {
  const Value* section = look_up(root, parent(key.path));
  problems.add(section ? section->location : root.location,
               fmt::format("missing key '{}'; add it", key.path));
}

void locate(const Value& value, const std::string& path,
            std::map<std::string, std::string>& found) {
  if (!path.empty()) found[path] = value.location.text;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    const Value& item = value.items[i];
    locate(item,
           value.kind == Value::Kind::map ? join(path, item.key)
                                          : fmt::format("{}[{}]", path, i),
           found);
  }
}

}  // namespace

void read_document(const Value& root, const std::vector<Key>& keys,
                   Problems& problems) {
  DocumentReader(keys, problems).read(root, "");
  for (const Key& key : keys) {
    if (key.required && !look_up(root, key.path)) {
      report_missing(root, key, problems);
    }
  }
}

std::string write_document(const std::vector<Key>& keys) {
  std::string document;
  std::string section;
  for (const Key& key : keys) {
    if (parent(key.path) != section) {
      section = parent(key.path);
      document += section + ":\n";
    }
    const char* const indent = section.empty() ? "" : "  ";
    document +=
        fmt::format("{}{}: {}\n", indent, last_word(key.path), key.write());
  }
  return document;
}

std::map<std::string, std::string> locations(const Value& root) {
  std::map<std::string, std::string> found;
  locate(root, "", found);
  return found;
}

bool check_map(const Value& value, const std::string& path,
               const std::vector<std::string>& known, Problems& problems) {
  if (value.kind != Value::Kind::map) {
    report_wrong_value(
        value, path,
        fmt::format("give a map of the keys {}", fmt::join(known, ", ")),
        problems);
    return false;
  }
  for (const Value& item : value.items) {
    if (!contains(known, item.key)) {
      report_unknown_key(item, join(path, item.key),
                         key_advice(item.key, known), problems);
    }
  }
  return true;
}

}  // namespace cape::grid::yaml
