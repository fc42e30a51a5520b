#include "datasets/user_labels.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"

namespace cape::datasets {
namespace {

// No head has more outputs than this, so a larger label is a mistake.
constexpr double kMostClasses = 1 << 20;

std::vector<double> values_of(const Array& y) {
  std::vector<double> values(y.size());
  y.read(0, values);
  return values;
}

/// Throws UserError unless `y` has the expected shape.
void check_shape(const Array& y, const std::string& file, const char* task,
                 const std::vector<std::int64_t>& expected) {
  if (y.shape == expected) return;
  fail_user("{}: an array of {}, but the labels of a {} task here are {}", file,
            fmt::join(y.shape, " x "), task, fmt::join(expected, " x "));
}

/// Labels of a classification, or of every step of a sequence.
std::int64_t checked_classes(const Array& y, const std::string& file,
                             std::int64_t classes) {
  if (classes == 1) {
    fail_user(
        "{}: classes: is 1, but there is nothing to learn from one class; give "
        "classes: 2 or more, or task: multilabel for one label that samples "
        "have or lack",
        file);
  }
  if (is_floating(y.type)) {
    fail_user(
        "{}: labels of type {}, but classes are whole numbers; save them as "
        "such (y.astype('int64')), or give task: regression",
        file, to_string(y.type));
  }
  const std::vector<double> labels = values_of(y);
  const double end = classes > 0 ? static_cast<double>(classes) : kMostClasses;
  double largest = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    largest = std::max(largest, labels[i]);
    if (labels[i] >= 0 && labels[i] < end) continue;
    fail_user("{}: label {} at element {}, but labels are 0 to {}{}", file,
              labels[i], i, end - 1, classes > 0 ? "; is classes: right?" : "");
  }
  if (classes > 0) return classes;
  if (largest == 0) {
    fail_user("{}: all labels are 0; give classes: if there are others", file);
  }
  return static_cast<std::int64_t>(largest) + 1;
}

void check_zero_or_one(const Array& y, const std::string& file) {
  const std::vector<double> labels = values_of(y);
  const auto wrong = std::find_if(labels.begin(), labels.end(),
                                  [](double l) { return l != 0 && l != 1; });
  if (wrong == labels.end()) return;
  const std::int64_t at = wrong - labels.begin();
  fail_user(
      "{}: {} at sample {}, label {}, but a multilabel task has 1 where a "
      "sample has a label, else 0",
      file, *wrong, at / y.shape[1], at % y.shape[1]);
}

/// Sets the mean and deviation with which targets are standardised.
void measure_targets(const Array& y, const std::string& file,
                     Dataset& dataset) {
  const std::vector<double> targets = values_of(y);
  const auto count = static_cast<double>(targets.size());
  double sum = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (!std::isfinite(targets[i])) {
      fail_user("{}: target {} at sample {}; leave such samples out", file,
                targets[i], i);
    }
    sum += targets[i];
  }
  const double mean = sum / count;
  double squares = 0;
  for (const double target : targets) {
    squares += (target - mean) * (target - mean);
  }
  if (squares == 0) {
    fail_user("{}: all targets are {}: there is nothing to learn", file, mean);
  }
  dataset.target_mean = mean;
  dataset.target_deviation = std::sqrt(squares / count);
}

}  // namespace

void take_labels(Array y, const std::string& file, std::int64_t classes,
                 Dataset& dataset) {
  DatasetInfo& info = dataset.info;
  if (y.count() != info.samples) {
    fail_user("{}: labels of {} samples, but there are {} samples of x", file,
              y.count(), info.samples);
  }
  if (y.elements.empty()) fail_user("{}: holds no labels", file);
  const char* const task = to_string(info.task);
  switch (info.task) {
    case Task::classification:
      check_shape(y, file, task, {info.samples});
      info.classes = checked_classes(y, file, classes);
      break;
    case Task::sequence:
      check_shape(y, file, task, {info.samples, info.shape.front()});
      info.classes = checked_classes(y, file, classes);
      break;
    case Task::multilabel:
      check_shape(y, file, task,
                  {info.samples, classes > 0           ? classes
                                 : y.shape.size() == 2 ? y.shape[1]
                                                       : 1});
      check_zero_or_one(y, file);
      info.classes = y.shape[1];
      break;
    case Task::regression:
      if (y.shape.size() == 2 && y.shape[1] == 1) y.shape.pop_back();
      check_shape(y, file, task, {info.samples});
      measure_targets(y, file, dataset);
      info.classes = 0;
      break;
  }
  dataset.labels = std::move(y);
}

}  // namespace cape::datasets
