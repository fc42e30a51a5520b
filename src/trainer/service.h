/// The task loop of cape_trainer: trial/protocol.h on two descriptors.
#pragma once

#include <string>

namespace cape::trainer {

/// Says hello, then answers every task line from `input` with a result or a
/// failure on `output`, until the input ends; closes both. `device` has been
/// opened: trainer/device.h. Throws Error where a descriptor cannot be used or
/// a line is no task.
void serve(int input, int output, const std::string& device);

}  // namespace cape::trainer
