#include "grid/yaml_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace cape::yaml {
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
    }
    for (const Entry& entry : section.entries) {
      const std::string at = join(path, entry.key);
      if (const Key* key = find(at)) {
        key->read(entry.value, problems_);
      } else if (!words_below(at).empty()) {
        read(entry.value, at);
      } else {
        report_unknown_key(entry.value, at, advice(entry.key, path), problems_);
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

  /// A key may be right but in the wrong section.
  std::string advice(const std::string& word, const std::string& path) const {
    for (const Key& key : keys_) {
      if (last_word(key.path) == word) {
        return fmt::format("; did you mean '{}'?", key.path);
      }
    }
    return key_advice(word, words_below(path));
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
    locate(value.items[i], fmt::format("{}[{}]", path, i), found);
  }
  for (const Entry& entry : value.entries) {
    locate(entry.value, join(path, entry.key), found);
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
  bool all_known = true;
  for (const Entry& entry : value.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) {
      continue;
    }
    all_known = false;
    report_unknown_key(entry.value, join(path, entry.key),
                       key_advice(entry.key, known), problems);
  }
  return all_known;
}

}  // namespace cape::yaml
