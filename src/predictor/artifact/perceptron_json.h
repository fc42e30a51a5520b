/// A perceptron as JSON, in any file of a model directory.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/json.h"
#include "predictor/models/perceptron.h"

namespace cape::predictor {

/// `Json` is nlohmann::json or nlohmann::ordered_json.
template <class Json>
Json perceptron_json(const Perceptron& perceptron) {
  const Perceptron::Parameters& parameters = perceptron.parameters();
  Json layers = Json::array();
  for (const Perceptron::Layer& layer : parameters.layers) {
    layers.push_back({{"outputs", layer.outputs},
                      {"weights", layer.weights},
                      {"biases", layer.biases}});
  }
  return {{"activation", to_string(parameters.activation)},
          {"means", parameters.standardiser.means},
          {"deviations", parameters.standardiser.deviations},
          {"least", parameters.least},
          {"greatest", parameters.greatest},
          {"mean", parameters.mean},
          {"layers", layers}};
}

/// The inverse. Throws nlohmann's exceptions, and Error where the sizes do not
/// fit each other or are not of so many features.
template <class Json>
Perceptron perceptron_from(const Json& json, std::size_t features) {
  const auto of_features = [&]<class T>(const char* name,
                                        std::vector<T>& values) {
    for (const Json& value : json.at(name)) {
      values.push_back(static_cast<T>(number_or_nan(value)));
    }
    if (values.size() != features) {
      fail("\"{}\" of a perceptron has {} values for {} features", name,
           values.size(), features);
    }
  };
  Perceptron::Parameters read;
  read.activation = parse_enum<PerceptronActivation>(
      json.at("activation").template get<std::string>());
  of_features("means", read.standardiser.means);
  of_features("deviations", read.standardiser.deviations);
  of_features("least", read.least);
  of_features("greatest", read.greatest);
  for (std::size_t i = 0; i < features; ++i) {
    if (!std::isfinite(read.standardiser.means[i]) ||
        !(read.standardiser.deviations[i] > 0) ||
        read.least[i] > read.greatest[i]) {
      fail(
          "feature {} of a perceptron has the mean {}, the deviation {} and "
          "the range from {} to {}",
          i, read.standardiser.means[i], read.standardiser.deviations[i],
          read.least[i], read.greatest[i]);
    }
  }
  read.mean = json.at("mean");
  auto inputs = static_cast<int>(features);
  for (const Json& one : json.at("layers")) {
    const std::int64_t units = whole_number(one.at("outputs"));
    Perceptron::Layer layer = {.inputs = inputs,
                               .outputs = static_cast<int>(units),
                               .weights = one.at("weights"),
                               .biases = one.at("biases")};
    const auto outputs = static_cast<std::size_t>(layer.outputs);
    if (units < 1 ||
        layer.weights.size() != outputs * static_cast<std::size_t>(inputs) ||
        layer.biases.size() != outputs) {
      fail(
          "a layer of a perceptron has {} weights and {} biases for {} inputs "
          "and {} outputs",
          layer.weights.size(), layer.biases.size(), inputs, outputs);
    }
    inputs = layer.outputs;
    read.layers.push_back(std::move(layer));
  }
  if (read.layers.empty() || inputs != 1) {
    fail("the last layer of a perceptron has {} outputs, not one", inputs);
  }
  return Perceptron(std::move(read));
}

}  // namespace cape::predictor
