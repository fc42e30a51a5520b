/// A linear model as JSON, in any file of a model directory.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "predictor/models/linear.h"

namespace cape::predictor {

/// `Json` is nlohmann::json or nlohmann::ordered_json.
template <class Json>
Json linear_json(const LinearModel& linear) {
  return {{"weights", linear.weights},
          {"missing", linear.means},
          {"intercept", linear.intercept}};
}

/// The inverse. Throws nlohmann's exceptions, and Error where the model is not
/// one of so many features.
template <class Json>
LinearModel linear_from(const Json& json, std::size_t features) {
  LinearModel linear = {.weights = json.at("weights"),
                        .means = json.at("missing"),
                        .intercept = json.at("intercept")};
  if (linear.weights.size() != features || linear.means.size() != features) {
    fail("a base of {} weights for {} features", linear.weights.size(),
         features);
  }
  return linear;
}

}  // namespace cape::predictor
