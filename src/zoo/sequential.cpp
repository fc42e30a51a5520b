#include "zoo/sequential.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/hash.h"
#include "zoo/overloads.h"

namespace cape::zoo {
namespace {

using layers::Effect;

bool may_stand_in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/// The layer that the list begins with, if it is an embedding.
const layers::Embedding* embedding_of(const Sequential& network) {
  return network.layers.empty()
             ? nullptr
             : std::get_if<layers::Embedding>(&network.layers.front().any);
}

/// What facts_of looks for, in all lists.
struct Survey {
  std::int64_t embeddings = 0;
  std::int64_t depth = 0;  ///< layers that have weight matrices
  std::int64_t width = 0;  ///< the most outputs that one of them has
  bool pool = false;
  bool bidirectional = false;

  void add(const layers::Layers& list) {
    for (const layers::Layer& layer : list) std::visit(*this, layer.any);
  }

  void count(std::int64_t layers, std::int64_t outputs) {
    depth += layers;
    width = std::max(width, outputs);
  }

  void operator()(const layers::Linear& linear) { count(1, linear.outputs); }
  void operator()(const layers::Conv& conv) { count(1, conv.outputs); }
  void operator()(const layers::Depthwise& /*conv*/) { count(1, 0); }
  void operator()(const layers::Patches& patches) { count(1, patches.outputs); }
  void operator()(const layers::TransformerBlock& /*block*/) { count(1, 0); }
  void operator()(const layers::Embedding& embedding) {
    ++embeddings;
    count(1, embedding.outputs);
  }
  void operator()(const layers::MaxPool& /*max_pool*/) { pool = true; }
  template <layers::Cell C>
  void operator()(const layers::Recurrent<C>& rnn) {
    count(rnn.layers, rnn.outputs());
    bidirectional = bidirectional || rnn.bidirectional;
  }
  void operator()(const layers::Residual& residual) {
    add(residual.layers);
    add(residual.shortcut);
  }
  template <class Other>
  void operator()(const Other& /*other*/) {}
};

/// Of the list, without the output layer. Throws LayerError.
Effect effect_of_layers(const Sequential& network, const Shape& input,
                        const Head& head) {
  Effect effect = layers::effect_of(network.layers, input);
  const Shape& end = effect.output;
  if (head.per_step) {
    if (end.size() != 2 || end.front() != input.front()) {
      throw layers::LayerError(
          "layers", "",
          fmt::format("the task needs outputs for each of {} steps, and the "
                      "list ends with {}; keep all steps (output: all)",
                      input.front(), layers::to_text(end)));
    }
  } else if (end.size() != 1) {
    throw layers::LayerError(
        "layers", "",
        fmt::format("the output layer takes a vector, and the list ends with "
                    "{}; end it with flatten or global_pool",
                    layers::to_text(end)));
  }
  return effect;
}

}  // namespace

Kind kind_of(const Sequential& network) {
  const layers::Embedding* const embedding = embedding_of(network);
  return {"sequential",
          "sequential",
          {},
          {.vectors = true,
           .sequences = true,
           .steps = true,
           .embedding = embedding == nullptr ? 0 : embedding->outputs,
           .numbers = embedding == nullptr}};
}

std::string name_of(const Sequential& network) {
  if (!network.name.empty()) return network.name;
  return fmt::format("sequential_{}",
                     content_hash(identity(network).dump()).substr(0, 8));
}

std::string mismatch_of(const Sequential& network, const Shape& input,
                        const Head& head) {
  try {
    effect_of_layers(network, input, head);
  } catch (const layers::LayerError& error) {
    return error.what();
  }
  return "";
}

Size size_of(const Sequential& network, const Shape& input, const Head& head) {
  const Effect effect = effect_of_layers(network, input, head);
  const std::int64_t features = effect.output.back();
  const std::int64_t steps = head.per_step ? effect.output.front() : 1;
  return {.parameters = effect.parameters + (features + 1) * head.outputs,
          .flops = effect.flops +
                   2.0 * static_cast<double>(steps * features * head.outputs)};
}

OwnFacts facts_of(const Sequential& network) {
  Survey survey;
  survey.add(network.layers);
  return {.published = "",
          .depth = {"layers", survey.depth},
          .width = {"layers", survey.width},
          .pool = survey.pool,
          .bidirectional = survey.bidirectional};
}

void check(const Sequential& network) {
  Survey survey;
  survey.add(network.layers);
  if (survey.embeddings > (embedding_of(network) == nullptr ? 0 : 1)) {
    fail_user("sequential: an embedding must be the first layer of the list");
  }
  const std::string& name = network.name;
  if (name.size() <= kLongestName &&
      std::ranges::all_of(name, may_stand_in_name)) {
    return;
  }
  fail_user(
      "sequential: name must be of letters, digits, '_', '.' and '-', at most "
      "{} (found '{}')",
      kLongestName, name);
}

void to_json(nlohmann::json& json, const Sequential& network) {
  json = {{"name", network.name},
          {"initialization", network.initialization},
          {"layers", layers::to_json(network.layers)}};
}

void from_json(const nlohmann::json& json, Sequential& network) {
  network.name = json.at("name");
  network.initialization = json.at("initialization");
  network.layers = layers::layers_from(json.at("layers"), "layers");
}

}  // namespace cape::zoo
