#include "core/enum_names.h"

#include <fmt/ranges.h>

#include "core/error.h"

namespace cape {

void fail_unknown_word(const char* what, std::string_view word,
                       const std::vector<std::string>& words) {
  fail("no {} '{}'; there are: {}", what, word, fmt::join(words, ", "));
}

}  // namespace cape
