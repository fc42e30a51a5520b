/// Reads numbers from JSON that may be wrong.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>

namespace cape {

/// A whole number. Throws nlohmann::json::type_error for anything else. The
/// library itself throws only for a text; it would cut off a fraction, and
/// convert 1e300, which fits no integer, with undefined behaviour.
inline std::int64_t whole_number(const nlohmann::json& value) {
  if (!value.is_number_integer()) {
    throw nlohmann::json::type_error::create(
        302,
        fmt::format("must be a whole number, but is {}",
                    value.is_number() ? value.dump() : value.type_name()),
        &value);
  }
  return value.get<std::int64_t>();
}

}  // namespace cape
