#include "datasets/user_labels.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <optional>
#include <set>
#include <span>
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
void check_shape(const Array& y, const std::string& file, Task task,
                 const std::vector<std::int64_t>& expected) {
  if (y.shape == expected) return;
  std::string advice;
  if (task == Task::classification && y.shape.size() == 2) {
    advice =
        ", or one row for each sample with 1 for its class, else 0; give task: "
        "multilabel if a sample may have several labels, or task: sequence if "
        "every step of a sample has a class";
  }
  fail_user("{}: an array of {}, but the labels of a {} task here are {}{}",
            file, fmt::join(y.shape, " x "), to_string(task),
            fmt::join(expected, " x "), advice);
}

/// Leaves out axes of one element where `y` then has the expected shape:
/// columns and rows are vectors.
void drop_axes_of_one(Array& y, const std::vector<std::int64_t>& expected) {
  std::vector<std::int64_t> shape = y.shape;
  std::vector<std::int64_t> plain = expected;
  std::erase(shape, 1);
  std::erase(plain, 1);
  if (shape == plain) y.shape = expected;
}

Array labels_of(const std::vector<std::int32_t>& labels,
                std::vector<std::int64_t> shape) {
  std::vector<std::uint8_t> bytes(labels.size() * sizeof(labels[0]));
  std::memcpy(bytes.data(), labels.data(), bytes.size());
  return {.type = ElementType::int32,
          .shape = std::move(shape),
          .elements = Bytes(std::move(bytes))};
}

/// The classes of rows with a 1 each; nothing if they are others.
std::optional<std::vector<std::int32_t>> one_hot_classes(const Array& y) {
  const std::vector<double> values = values_of(y);
  const auto width = static_cast<std::size_t>(y.shape.back());
  std::vector<std::int32_t> classes;
  for (std::size_t row = 0; row < values.size(); row += width) {
    std::int32_t label = -1;
    for (std::size_t k = 0; k < width; ++k) {
      const double value = values[row + k];
      if (value == 0) continue;
      if (value != 1 || label >= 0) return std::nullopt;
      label = static_cast<std::int32_t>(k);
    }
    if (label < 0) return std::nullopt;
    classes.push_back(label);
  }
  return classes;
}

/// Labels that differ, in order.
std::vector<double> different(const std::vector<double>& labels) {
  std::vector<bool> seen(static_cast<std::size_t>(kMostClasses));
  std::set<double> others;
  for (const double label : labels) {
    if (label >= 0 && label < kMostClasses) {
      seen[static_cast<std::size_t>(label)] = true;
    } else {
      others.insert(label);
    }
  }
  for (std::size_t label = 0; label < seen.size(); ++label)
    if (seen[label]) others.insert(static_cast<double>(label));
  return {others.begin(), others.end()};
}

/// "3, 7 and 9", or "3, 7, 9, ..., 50" where there are many.
std::string listed(const std::vector<double>& labels) {
  constexpr std::size_t kMostListed = 8;
  if (labels.size() > kMostListed) {
    return fmt::format("{}, {}, {}, ..., {}", labels[0], labels[1], labels[2],
                       labels.back());
  }
  const std::span<const double> all(labels);
  if (all.size() < 2) return fmt::format("{}", fmt::join(all, ", "));
  return fmt::format("{} and {}", fmt::join(all.first(all.size() - 1), ", "),
                     all.back());
}

/// Labels must be whole. Numbers with a fraction point may be the targets of a
/// regression, so `classes` must say that they are none.
void check_whole(const Array& y, const std::vector<double>& labels,
                 std::int64_t classes, const std::string& file) {
  constexpr double kExact = 0x1p53;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == std::floor(labels[i]) && std::abs(labels[i]) < kExact)
      continue;
    fail_user(
        "{}: label {} at element {} of type {}, but classes are whole numbers; "
        "correct it, or give task: regression",
        file, labels[i], i, to_string(y.type));
  }
  if (is_floating(y.type) && classes == 0) {
    fail_user(
        "{}: labels of type {}, but classes are whole numbers; give classes: "
        "{} if they are classes, or task: regression",
        file, to_string(y.type), different(labels).size());
  }
}

/// The classes of `labels`, which are `known` classes or, if that is 0, as many
/// as there are: 0 to C - 1 as they are, 1 to C less one, and others in the
/// order of their size.
std::vector<double> class_labels(const std::vector<double>& labels,
                                 std::int64_t known, const std::string& file) {
  std::vector<double> found = different(labels);
  const auto count = static_cast<double>(found.size());
  const double classes = known > 0 ? static_cast<double>(known) : count;
  if (known == 0 && found.size() == 1) {
    fail_user("{}: all labels are {}; give classes: if there are others", file,
              found[0]);
  }
  if (count > kMostClasses) {
    fail_user("{}: {} different labels are too many; give task: regression?",
              file, count);
  }
  if (found.front() < 0 && found != std::vector<double>{-1, 1}) {
    const auto at =
        std::ranges::find_if(labels, [](double l) { return l < 0; });
    fail_user(
        "{}: label {} at element {}, but classes are counted from 0 (-1 and 1 "
        "alone may be two classes); leave out what has no class",
        file, *at, at - labels.begin());
  }
  std::vector<double> all(static_cast<std::size_t>(classes));
  std::iota(all.begin(), all.end(), 0.0);
  if (found.front() >= 0 && found.back() < classes) return all;
  if (found.front() >= 1 && found.back() <= classes) {
    std::iota(all.begin(), all.end(), 1.0);
    return all;
  }
  if (count == classes) return found;
  fail_user(
      "{}: labels {} ({} different ones), but classes: is {}; correct it, or "
      "remove it to count those that there are",
      file, listed(found), found.size(), classes);
}

struct Classes {
  Array labels;  ///< 0 to count - 1
  std::int64_t count;
  std::string note = {};  ///< what was made of the labels, if anything
};

/// Labels of a classification, or of every step of a sequence, in `shape`. The
/// array stays as it is where its labels are classes already.
Classes classes_of(Array y, const std::string& file, Task task,
                   const std::vector<std::int64_t>& shape, std::int64_t known) {
  if (known == 1) {
    fail_user(
        "{}: classes: is 1, but there is nothing to learn from one class; give "
        "classes: 2 or more, or task: multilabel for one label that samples "
        "have or lack",
        file);
  }
  drop_axes_of_one(y, shape);
  if (y.shape.size() == shape.size() + 1 && y.shape.back() > 1 &&
      std::equal(shape.begin(), shape.end(), y.shape.begin())) {
    const std::int64_t width = y.shape.back();
    if (const auto classes = one_hot_classes(y)) {
      if (known > 0 && known != width) {
        fail_user("{}: one-hot rows of {}, but classes: is {}; correct it",
                  file, width, known);
      }
      return {labels_of(*classes, shape), width,
              fmt::format("{}: rows with a 1 for the class (one-hot) became "
                          "classes 0 to {}",
                          file, width - 1)};
    }
  }
  check_shape(y, file, task, shape);
  const std::vector<double> labels = values_of(y);
  check_whole(y, labels, known, file);
  const std::vector<double> classes = class_labels(labels, known, file);
  const auto count = std::ssize(classes);
  if (classes.front() == 0 && classes.back() == static_cast<double>(count - 1))
    return {std::move(y), count};
  std::vector<std::int32_t> ours;
  ours.reserve(labels.size());
  for (const double label : labels) {
    const auto at = std::ranges::lower_bound(classes, label);
    ours.push_back(static_cast<std::int32_t>(at - classes.begin()));
  }
  return {labels_of(ours, shape), count,
          fmt::format("{}: labels {} became classes 0 to {}, in this order",
                      file, listed(classes), count - 1)};
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

/// What to do where x has another number of samples than there are labels.
std::string advice_for(const DatasetInfo& info, std::int64_t labels,
                       const std::string& layout) {
  if (!layout.empty()) {
    return fmt::format(
        "; layout: {} says that axis {} of x is the samples, correct it if "
        "this is wrong",
        layout, layout.find('n') + 1);
  }
  if (info.shape.back() != labels) return "";
  const char* const turned = info.shape.size() == 1   ? "dn"
                             : info.shape.size() == 2 ? "dtn"
                                                      : "hwcn";
  return fmt::format("; if the last axis of x is the samples, give layout: {}",
                     turned);
}

}  // namespace

void take_labels(Array y, const std::string& file, std::int64_t classes,
                 const std::string& layout, Dataset& dataset) {
  DatasetInfo& info = dataset.info;
  if (y.elements.empty()) fail_user("{}: holds no labels", file);
  // A row of labels is what MATLAB users often have.
  if (y.shape.size() == 2 && y.shape[0] == 1)
    drop_axes_of_one(y, {info.samples});
  if (y.count() != info.samples) {
    fail_user("{}: labels of {} samples, but there are {} samples of x{}", file,
              y.count(), info.samples, advice_for(info, y.count(), layout));
  }
  switch (info.task) {
    case Task::classification:
    case Task::sequence: {
      std::vector<std::int64_t> shape = {info.samples};
      if (info.task == Task::sequence) shape.push_back(info.shape.front());
      Classes found = classes_of(std::move(y), file, info.task, shape, classes);
      y = std::move(found.labels);
      info.classes = found.count;
      add_note(info, found.note);
      break;
    }
    case Task::multilabel:
      check_shape(y, file, info.task,
                  {info.samples, classes > 0           ? classes
                                 : y.shape.size() == 2 ? y.shape[1]
                                                       : 1});
      check_zero_or_one(y, file);
      info.classes = y.shape[1];
      break;
    case Task::regression:
      drop_axes_of_one(y, {info.samples});
      check_shape(y, file, info.task, {info.samples});
      measure_targets(y, file, dataset);
      info.classes = 0;
      break;
  }
  dataset.labels = std::move(y);
}

}  // namespace cape::datasets
