/// Tries in another process what may crash: HDF5 does on some damaged files.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace cape {

/// Runs `body` in a copy of this process, where it may crash or run for more
/// than `seconds` of CPU time. Returns what became of it then, and nothing when
/// it returns or throws. `body` prints nothing and must have no effect outside
/// of its memory. Throws Error when no other process can be started.
std::optional<std::string> run_in_child(const std::function<void()>& body,
                                        unsigned seconds);

}  // namespace cape
