/// Options that are paths.
#pragma once

#include <CLI/CLI.hpp>

#include "core/environment.h"
#include "core/error.h"

namespace cape {

/// Expands ~ and $NAME in the values of `option`, also where no shell did.
inline CLI::Option* as_path(CLI::Option* option) {
  return option->transform(
      [](const std::string& path) {
        try {
          return expand_path(path);
        } catch (const UserError& error) {
          throw CLI::ValidationError(error.what());
        }
      },
      "");
}

}  // namespace cape
