/// Builds networks from their descriptions.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/torch.h"
#include "zoo/architecture.h"

namespace cape::models {

/// Unless records_probes is false, all parameters belong to layers that record
/// probes: models/recording.h.
class Model : public torch::nn::Module {
 public:
  /// samples x C x H x W, x T x D or x D, or tokens, samples x T whole numbers
  /// -> logits: samples x outputs, or
  /// samples x T x outputs if the head is for every step. In evaluation mode it
  /// changes nothing in the model, since the threads of a probe call it at the
  /// same time.
  virtual torch::Tensor forward(const torch::Tensor& inputs) = 0;

  virtual bool records_probes() const { return true; }

  /// Training mode for all but dropout. A network of one's own may have dropout
  /// that is no module: that stays on.
  virtual void train_without_dropout();

  /// The greatest rate of the dropout that is called in training mode; nothing
  /// where none is. A network of one's own is called once with these inputs, in
  /// training mode.
  virtual std::optional<double> dropout_rate(const torch::Tensor& inputs);

  /// Returns a function that gives back to the bit what forward passes change
  /// of the network from now on: its buffers, for example.
  /// The function may be called several times.
  virtual std::function<void()> remember_state();

  /// What the user should know of how this network is taken, as whole
  /// sentences: of a network of one's own, for example, that its weights were
  /// of another type.
  virtual std::vector<std::string> notes() const { return {}; }

  /// How many samples each thread of a probe takes at once. A probe holds the
  /// inputs, outputs and gradients of every layer. Where these are large, a
  /// small number keeps them in the cache and the memory within bounds.
  virtual std::int64_t micro_batch_size() const {
    return std::numeric_limits<std::int64_t>::max();
  }
};

/// A freshly initialised network on the CPU, in training mode. The network may
/// want it in another form (zoo::input_form) but must accept it
/// (zoo::explain_mismatch). Draws from Torch's default generator.
std::shared_ptr<Model> build(const zoo::Architecture& architecture,
                             const zoo::Sample& sample, const zoo::Head& head);

/// Whether a TorchScript module has one parameter under several names. Throws
/// Error where the file cannot be read.
bool has_tied_tensors(const std::string& file);

/// The number of trainable parameters.
std::int64_t parameter_count(const torch::nn::Module& model);

}  // namespace cape::models
