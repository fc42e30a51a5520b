/// The labels of a user's own data, checked against its task.
#pragma once

#include <string>

#include "datasets/dataset.h"

namespace cape::datasets {

/// Takes `y` as the labels of `dataset`, whose task and shape are known. Sets
/// info.classes (to `classes`, or to what the labels show if that is 0) and the
/// mean and deviation of a regression's targets. `layout` is what the user says
/// of x. Throws UserError, which names `file`.
void take_labels(Array y, const std::string& file, std::int64_t classes,
                 const std::string& layout, Dataset& dataset);

}  // namespace cape::datasets
