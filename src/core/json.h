/// Numbers out of JSON that nobody vouches for.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>

namespace cape {

/// A whole number. Throws nlohmann::json::type_error for anything else, as the
/// library does for a text; but a fraction it would cut, and 1e300, which no
/// integer holds, it would convert, which is undefined.
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
