/// Environment variables.
#pragma once

#include <string>

namespace cape {

/// The value of an environment variable; empty when it is not set.
std::string environment_variable(const char* name);

/// A path as a user wrote it, in which "~" or "~/" at the beginning is the
/// user's home ($HOME) and "$NAME" or "${NAME}" the value of an environment
/// variable; "$$" is "$". Other signs stay as they are. Throws UserError where
/// a variable is not set or empty, which names it.
std::string expand_path(const std::string& path);

}  // namespace cape
