#include "plain/procedure.h"

#include <torch/optim.h>

#include "core/overloaded.h"

namespace cape::plain {
namespace {

double squared_gradient_norm(const torch::Tensor& value,
                             const std::vector<torch::Tensor>& parameters) {
  std::vector<torch::Tensor> flat;
  for (const auto& gradient : torch::autograd::grad({value}, parameters)) {
    flat.push_back(gradient.reshape(-1));
  }
  return torch::cat(flat).square().sum().item<double>();
}

/// Whether the last `plateau_window` losses hardly improved.
bool on_plateau(const std::vector<double>& losses,
                const trial::BatchSteps& settings) {
  const auto window = static_cast<std::size_t>(settings.plateau_window);
  if (losses.size() < window) return false;
  const double before = losses[losses.size() - window];
  return (before - losses.back()) / before < settings.plateau_tolerance;
}

void train(PlainModel& model, const trainer::TrialBatch& batch,
           const trial::TrialTask& task, PlainRow& row) {
  PlainTraining training(model, task.optimizer, task.learning_rate);
  const auto& settings = std::get<trial::BatchSteps>(task.target);
  row.t_star = settings.max_steps;
  for (std::int64_t t = 0; t < settings.max_steps; ++t) {
    row.losses.push_back(training.loss(batch));
    if (row.losses.back() <= row.epsilon * row.losses.front()) {
      row.converged = true;
      row.t_star = t;
      return;
    }
    if (on_plateau(row.losses, settings)) return;
    training.update();
  }
}

std::unique_ptr<torch::optim::Optimizer> stock_optimizer(
    PlainModel& model, const trial::Optimizer& optimizer,
    double learning_rate) {
  using Made = std::unique_ptr<torch::optim::Optimizer>;
  const auto parameters = model.parameters();
  return std::visit(
      Overloaded{[&](const trial::AdamW& adamw) -> Made {
                   return std::make_unique<torch::optim::AdamW>(
                       parameters, torch::optim::AdamWOptions(learning_rate)
                                       .weight_decay(adamw.weight_decay));
                 },
                 [&](const trial::Adam& adam) -> Made {
                   return std::make_unique<torch::optim::Adam>(
                       parameters, torch::optim::AdamOptions(learning_rate)
                                       .weight_decay(adam.weight_decay));
                 },
                 [&](const trial::Sgd& sgd) -> Made {
                   return std::make_unique<torch::optim::SGD>(
                       parameters, torch::optim::SGDOptions(learning_rate)
                                       .momentum(sgd.momentum)
                                       .nesterov(sgd.nesterov)
                                       .weight_decay(sgd.weight_decay));
                 }},
      optimizer);
}

}  // namespace

trial::ProbeResult probe_by_plain_loop(PlainModel& model,
                                       const torch::Tensor& inputs,
                                       const torch::Tensor& labels) {
  model.eval();
  const std::vector<torch::Tensor> parameters = model.parameters();
  const std::int64_t samples = inputs.size(0);
  trial::ProbeResult sum;
  for (std::int64_t i = 0; i < samples; ++i) {
    const torch::Tensor input = inputs.narrow(0, i, 1);
    const torch::Tensor label = labels.narrow(0, i, 1);
    const torch::Tensor loss =
        torch::nn::functional::cross_entropy(model.forward(input), label);
    sum.g2 += squared_gradient_norm(loss, parameters);
    const torch::Tensor logits = model.forward(input)[0];
    sum.tau +=
        squared_gradient_norm(logits[label.item<std::int64_t>()], parameters);
  }
  model.train();
  const auto count = static_cast<double>(samples);
  return {.g2 = sum.g2 / count, .tau = sum.tau / count, .extended = {}};
}

PlainTraining::PlainTraining(PlainModel& model,
                             const trial::Optimizer& optimizer,
                             double learning_rate)
    : model_(model),
      optimizer_(stock_optimizer(model, optimizer, learning_rate)) {}

PlainTraining::~PlainTraining() = default;

double PlainTraining::loss(const trainer::TrialBatch& batch) {
  loss_ = torch::nn::functional::cross_entropy(model_.forward(batch.inputs),
                                               batch.labels);
  return loss_.item<double>();
}

void PlainTraining::update() {
  optimizer_->zero_grad();
  loss_.backward();
  optimizer_->step();
}

std::vector<PlainRow> published_procedure(const trial::TrialTask& task,
                                          const datasets::Dataset& dataset) {
  std::vector<PlainRow> rows;
  for (const trial::Criterion& criterion : task.criteria) {
    const trainer::TrialBatch batch =
        trainer::draw_batch(task, dataset, torch::kCPU);
    torch::manual_seed(task.seed);
    const auto initial = models::build(task.architecture, dataset.info.shape,
                                       dataset.info.classes);
    const auto model =
        make_plain(task.architecture, dataset.info.shape, dataset.info.classes);
    copy_weights(*initial, *model);

    PlainRow& row = rows.emplace_back();
    row.epsilon = trial::epsilon_of(criterion);
    row.probe = probe_by_plain_loop(*model, batch.inputs, batch.labels);
    train(*model, batch, task, row);
  }
  return rows;
}

}  // namespace cape::plain
