/// general.json of a model directory: the general model with all that it takes
/// to predict. docs/predictor.md describes its keys.
#pragma once

#include <string>
#include <string_view>

#include "predictor/models/general_model.h"

namespace cape::predictor {

std::string to_json(const GeneralModel& general);

/// The inverse; predicts as the model that was written. Throws Error for a text
/// that is not one, and UserError for one of another version, with the name of
/// the file.
GeneralModel general_model_from(std::string_view text,
                                std::string_view name = "general.json");

}  // namespace cape::predictor
