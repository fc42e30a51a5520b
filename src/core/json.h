/// Reads numbers from JSON that may be wrong, and writes JSON of texts that may
/// not be UTF-8.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

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

/// A number; JSON has no NaN, which is written as null.
template <class Json>
double number_or_nan(const Json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN()
                         : value.template get<double>();
}

/// JSON as a text, in lines where `indent` is not negative. What is not UTF-8
/// in it, the name of a file or what a library says, is replaced by U+FFFD.
template <class Json>
std::string to_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cape
