/// The kinds of tasks.
#pragma once

#include <array>
#include <cstdint>

#include "core/enum_names.h"

namespace cape::datasets {

/// What a network learns from a data set's samples: docs/trial_protocol.md.
enum class Task : std::uint8_t {
  classification,  ///< one class of C for each sample
  regression,      ///< a number for each sample
  sequence,        ///< one class of C at each of a sample's T steps
  multilabel       ///< which of C labels a sample has
};

constexpr auto enum_names(Task) {
  return EnumNames{"task", std::to_array<EnumName<Task>>(
                               {{Task::classification, "classification"},
                                {Task::regression, "regression"},
                                {Task::sequence, "sequence"},
                                {Task::multilabel, "multilabel"}})};
}

}  // namespace cape::datasets
