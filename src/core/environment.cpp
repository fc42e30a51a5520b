#include "core/environment.h"

#include <cctype>
#include <cstdlib>

#include "core/error.h"

namespace cape {
namespace {

std::string value_in_path(const std::string& name, const std::string& path) {
  std::string value = environment_variable(name.c_str());
  if (!value.empty()) return value;
  fail_user(
      "the path '{}' needs the environment variable {}, which is not set; set "
      "it, or write the path in full ($$ stands for a $)",
      path, name);
}

bool is_name_sign(char c, bool first) {
  const auto sign = static_cast<unsigned char>(c);
  return c == '_' || (first ? std::isalpha(sign) : std::isalnum(sign)) != 0;
}

/// The length of the variable's name that begins at `at`.
std::size_t name_length(const std::string& text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_name_sign(text[end], end == at)) ++end;
  return end - at;
}

}  // namespace

std::string environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string expand_path(const std::string& path) {
  std::string expanded;
  std::size_t at = 0;
  if (path == "~" || path.starts_with("~/")) {
    expanded = value_in_path("HOME", path);
    at = 1;
  }
  while (at < path.size()) {
    if (path[at] != '$') {
      expanded += path[at++];
      continue;
    }
    const bool in_braces = path.compare(at, 2, "${") == 0;
    const std::size_t begin = at + (in_braces ? 2 : 1);
    const std::size_t length = name_length(path, begin);
    const std::size_t end = begin + length;
    if (length > 0 && (!in_braces || path.compare(end, 1, "}") == 0)) {
      expanded += value_in_path(path.substr(begin, length), path);
      at = end + (in_braces ? 1 : 0);
    } else {
      expanded += '$';
      at += path.compare(at, 2, "$$") == 0 ? 2 : 1;
    }
  }
  return expanded;
}

}  // namespace cape
