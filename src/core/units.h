/// Quantities in the form in which people write and read them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cape {

/// Seconds from "90s", "90m", "2h30m", "1d", "1.5h", "HH:MM:SS" or plain
/// seconds; nothing when the text is no duration.
std::optional<double> parse_duration(std::string_view text);

/// "4.2 ms", "0.4 s", "12 s", "3 min 20 s", "2 h 05 min", "4 d 3 h", "more than
/// 100 years".
std::string format_duration(double seconds);

/// 100 years, in seconds: what takes longer never ends.
inline constexpr double kLongestSeconds = 100 * 365.25 * 86400;

/// `seconds` as a duration that can be added to any time of the clock: at most
/// 100 years forward or back. What is not a number counts as 100 years.
std::chrono::steady_clock::duration to_duration(double seconds);

/// 1234567 -> "1,234,567".
std::string format_count(std::int64_t count);

/// 2.5e12 -> "2.5 T": for FLOPs and bytes.
std::string format_si(double value);

/// The current time in UTC as "2024-05-01T12:00:00Z".
std::string utc_now();

/// The candidate closest to `word`, for the question "did you mean"; at most a
/// third of the letters of `word` may differ. Empty when there is none.
template <class Range>
std::string nearest(std::string_view word, const Range& candidates);

/// The number of letters to insert, delete, replace or swap with their
/// neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b);

template <class Range>
std::string nearest(std::string_view word, const Range& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace cape
