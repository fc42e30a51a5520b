/// Numbers out of JSON that nobody vouches for, and JSON of texts that nobody
/// vouches for.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

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

/// JSON as a text, in lines where `indent` is not negative. What is not UTF-8
/// in it, the name of a file or what a library says, is replaced by U+FFFD.
template <class Json>
std::string to_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cape
