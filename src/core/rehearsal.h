/// Trying out what may crash: HDF5 does on some damaged files.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace cape {

/// Runs `body` in a process of its own, a copy of this one, where it may crash,
/// or run for more than `seconds` of CPU time: then says what became of it.
/// Nothing when it returns or throws. It prints nothing, and must do nothing
/// that is seen outside of its memory. Throws Error when there can be no other
/// process.
std::optional<std::string> rehearse(const std::function<void()>& body,
                                    unsigned seconds);

}  // namespace cape
