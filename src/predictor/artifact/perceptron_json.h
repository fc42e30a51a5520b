/// Perceptrons as JSON, in any file of a model directory.
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
Json layers_json(const std::vector<Perceptron::Layer>& layers) {
  Json json = Json::array();
  for (const Perceptron::Layer& layer : layers) {
    json.push_back({{"outputs", layer.outputs},
                    {"weights", layer.weights},
                    {"biases", layer.biases}});
  }
  return json;
}

/// Throws Error where the sizes do not fit.
template <class Json>
Perceptron::Layer layer_from(const Json& json, int inputs) {
  const std::int64_t units = whole_number(json.at("outputs"));
  Perceptron::Layer layer = {.inputs = inputs,
                             .outputs = static_cast<int>(units),
                             .weights = json.at("weights"),
                             .biases = json.at("biases")};
  const auto outputs = static_cast<std::size_t>(layer.outputs);
  if (units < 1 ||
      layer.weights.size() != outputs * static_cast<std::size_t>(inputs) ||
      layer.biases.size() != outputs) {
    fail(
        "a layer of a perceptron has {} weights and {} biases for {} inputs "
        "and {} outputs",
        layer.weights.size(), layer.biases.size(), inputs, units);
  }
  return layer;
}

/// Nothing of a perceptron without one.
template <class Json>
std::vector<Perceptron::Layer> embedding_from(const Json& json, int columns) {
  const auto found = json.find("embedding");
  if (found == json.end() || found->empty()) return {};
  if (columns < 1 || found->size() != 2) {
    fail("an embedding of {} features has {} layers, not two", columns,
         found->size());
  }
  const auto units_of_columns = [&](const Perceptron::Layer& layer) {
    if (layer.outputs % columns != 0) {
      fail("an embedding of {} features has {} units", columns, layer.outputs);
    }
    return layer.outputs / columns;
  };
  const Perceptron::Layer hidden = layer_from(found->at(0), 1);
  const Perceptron::Layer outputs =
      layer_from(found->at(1), units_of_columns(hidden));
  units_of_columns(outputs);
  return {hidden, outputs};
}

template <class Json>
Json perceptron_json(const Perceptron& perceptron) {
  const Perceptron::Parameters& parameters = perceptron.parameters();
  return {{"activation", to_string(parameters.activation)},
          {"means", parameters.standardiser.means},
          {"deviations", parameters.standardiser.deviations},
          {"least", parameters.least},
          {"greatest", parameters.greatest},
          {"mean", parameters.mean},
          {"embedding", layers_json<Json>(parameters.embedding)},
          {"layers", layers_json<Json>(parameters.layers)}};
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
  read.embedding = embedding_from(json, inputs);
  if (!read.embedding.empty()) inputs += read.embedding.back().outputs;
  for (const Json& layer : json.at("layers")) {
    read.layers.push_back(layer_from(layer, inputs));
    inputs = read.layers.back().outputs;
  }
  if (read.layers.empty() || inputs != 1) {
    fail("the last layer of a perceptron has {} outputs, not one", inputs);
  }
  return Perceptron(std::move(read));
}

template <class Json>
Json perceptrons_json(const std::vector<Perceptron>& perceptrons) {
  Json json = Json::array();
  for (const Perceptron& perceptron : perceptrons) {
    json.push_back(perceptron_json<Json>(perceptron));
  }
  return json;
}

/// The inverse; throws what perceptron_from() throws. Earlier versions have no
/// array but one perceptron, or null.
template <class Json>
std::vector<Perceptron> perceptrons_from(const Json& json,
                                         std::size_t features) {
  std::vector<Perceptron> perceptrons;
  if (json.is_object()) {
    perceptrons.push_back(perceptron_from(json, features));
  } else {
    for (const Json& one : json) {
      perceptrons.push_back(perceptron_from(one, features));
    }
  }
  return perceptrons;
}

}  // namespace cape::predictor
