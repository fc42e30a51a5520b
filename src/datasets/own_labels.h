/// The labels of a user's own data, checked against its task.
#pragma once

#include <string>

#include "datasets/dataset.h"

namespace cape::datasets {

/// Takes `y` as the labels of `dataset`, whose task and shape are known, and
/// sets info.classes (`classes`, or what the labels show where that is 0) and
/// the mean and deviation of a regression's targets. Throws UserError naming
/// `file`.
void take_labels(Array y, const std::string& file, std::int64_t classes,
                 Dataset& dataset);

}  // namespace cape::datasets
