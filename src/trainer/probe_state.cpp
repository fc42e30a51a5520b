#include "trainer/probe_state.h"

#include <ATen/Context.h>

#include <algorithm>
#include <mutex>

namespace cape::trainer {

EvaluationMode::EvaluationMode(torch::nn::Module& model) {
  for (const auto& module : model.modules()) {
    modes_.emplace_back(module, module->is_training());
  }
  model.eval();
}

EvaluationMode::~EvaluationMode() {
  // From the root down: train() reaches the children too.
  for (const auto& [module, training] : modes_) module->train(training);
}

RandomState::RandomState(const torch::Device& device) {
  std::vector<at::Generator> generators = {
      at::detail::getDefaultCPUGenerator()};
  if (!device.is_cpu()) {
    generators.push_back(at::globalContext().defaultGenerator(device));
  }
  for (at::Generator& generator : generators) {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    states_.emplace_back(generator, generator.get_state());
  }
}

void RandomState::rewind() const {
  for (auto [generator, state] : states_) {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(state);
  }
}

bool RandomState::has_advanced() const {
  return std::ranges::any_of(states_, [](const auto& entry) {
    auto [generator, state] = entry;
    const std::lock_guard<std::mutex> lock(generator.mutex());
    return !torch::equal(generator.get_state(), state);
  });
}

AtEnd keep_state(models::Model& model) {
  return AtEnd(model.records_probes() ? std::function<void()>([] {})
                                      : model.remember_state());
}

WeightLine::WeightLine(std::vector<torch::Tensor> parameters,
                       std::vector<torch::Tensor> direction)
    : parameters_(std::move(parameters)), direction_(std::move(direction)) {
  for (const torch::Tensor& parameter : parameters_) {
    originals_.push_back(parameter.clone());
  }
}

WeightLine::~WeightLine() {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    parameters_[p].copy_(originals_[p]);
  }
}

void WeightLine::move_to(double distance) {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    if (!direction_[p].defined()) continue;
    torch::sub_out(parameters_[p], originals_[p], direction_[p], distance);
  }
}

}  // namespace cape::trainer
