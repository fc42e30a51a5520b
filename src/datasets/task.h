/// The kinds of tasks.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace cape::datasets {

/// What a network learns from a data set's samples: docs/trial_protocol.md.
enum class Task : std::uint8_t {
  classification,  ///< one class of C for each sample
  regression,      ///< a number for each sample
  sequence,        ///< one class of C at each of a sample's T steps
  multilabel       ///< which of C labels a sample has
};

const char* to_string(Task task);

/// Throws Error if there is no such task.
Task task_from(const std::string& name);

/// The tasks as texts.
void to_json(nlohmann::json& json, Task task);
void from_json(const nlohmann::json& json, Task& task);

}  // namespace cape::datasets
