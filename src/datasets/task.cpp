#include "datasets/task.h"

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace cape::datasets {

const char* to_string(Task task) {
  switch (task) {
    case Task::classification:
      return "classification";
    case Task::regression:
      return "regression";
    case Task::sequence:
      return "sequence";
    case Task::multilabel:
      return "multilabel";
  }
  return "";
}

Task task_from(const std::string& name) {
  for (const Task task : {Task::classification, Task::regression,
                          Task::sequence, Task::multilabel}) {
    if (name == to_string(task)) return task;
  }
  fail("no task '{}'", name);
}

void to_json(nlohmann::json& json, Task task) { json = to_string(task); }

void from_json(const nlohmann::json& json, Task& task) {
  task = task_from(json.get<std::string>());
}

}  // namespace cape::datasets
