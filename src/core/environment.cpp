#include "core/environment.h"

#include <cstdlib>

namespace cape {

std::string environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace cape
