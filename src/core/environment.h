/// Environment variables.
#pragma once

#include <string>

namespace cape {

/// The value of an environment variable; empty when it is not set.
std::string environment_variable(const char* name);

}  // namespace cape
