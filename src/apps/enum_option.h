/// Options whose value is one of the words of an enum.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "core/enum_names.h"

namespace cape {

/// `target` is of the enum E, or an optional one. Another word is refused with
/// a list of all.
template <NamedEnum E, class Target>
CLI::Option* add_enum_option(CLI::App& app, const std::string& name,
                             Target& target, const std::string& description) {
  return app
      .add_option_function<std::string>(
          name,
          [&target](const std::string& word) { target = parse_enum<E>(word); },
          description)
      ->check(CLI::IsMember(enum_words<E>()).description(""));
}

}  // namespace cape
