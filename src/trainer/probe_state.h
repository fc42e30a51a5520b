/// What a probe changes for a while and gives back to the bit. Private to
/// src/trainer.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "models/build.h"
#include "models/torch.h"

namespace cape::trainer {

/// Evaluation mode while it lives, then every module's own mode again.
class EvaluationMode {
 public:
  explicit EvaluationMode(torch::nn::Module& model);
  ~EvaluationMode();
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  std::vector<std::pair<std::shared_ptr<torch::nn::Module>, bool>> modes_;
};

/// The state of Torch's default generators, of the CPU and of a device.
class RandomState {
 public:
  explicit RandomState(const torch::Device& device);
  /// Gives the generators the state back that they had.
  ~RandomState() { rewind(); }
  RandomState(const RandomState&) = delete;
  RandomState& operator=(const RandomState&) = delete;

  void rewind() const;
  /// Whether random numbers were drawn since.
  bool has_advanced() const;

 private:
  std::vector<std::pair<at::Generator, torch::Tensor>> states_;
};

/// Calls a function when it ends.
class AtEnd {
 public:
  explicit AtEnd(std::function<void()> function)
      : function_(std::move(function)) {}
  ~AtEnd() { function_(); }
  /// Calls it now, and at the end again.
  void call() const { function_(); }
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;

 private:
  std::function<void()> function_;
};

/// Gives back, when it is called and at its end, what forward passes change of
/// a network of one's own since now. The probe of any other network depends on
/// nothing that they change.
AtEnd keep_state(models::Model& model);

/// Moves the weights of a network along a line. When it ends they are where
/// they were, to the bit. Under a NoGradGuard.
class WeightLine {
 public:
  /// An undefined direction leaves its parameter where it is.
  WeightLine(std::vector<torch::Tensor> parameters,
             std::vector<torch::Tensor> direction);
  ~WeightLine();
  WeightLine(const WeightLine&) = delete;
  WeightLine& operator=(const WeightLine&) = delete;

  /// To the first weights minus `distance` times the direction.
  void move_to(double distance);

 private:
  std::vector<torch::Tensor> parameters_, originals_, direction_;
};

}  // namespace cape::trainer
