/// The MD5 digest, by which the words of the IMDB data set are hashed.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cape::datasets {

/// RFC 1321.
std::array<std::uint8_t, 16> md5(std::string_view text);

}  // namespace cape::datasets
