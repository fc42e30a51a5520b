/// What a probe sees of a network: each use of a layer that has parameters.
///
/// An engine takes gradients with respect to the recorded outputs and turns
/// them, with the recorded inputs, into every sample's gradient norm without a
/// loop over samples. That is exact under this contract, which all networks of
/// src/models keep:
/// - every parameter belongs to one Layer, and acts only through its outputs;
/// - inputs and outputs have the samples as their first dimension;
/// - in evaluation mode a sample's output depends on that sample alone, and a
///   forward pass changes nothing of the network;
/// - the rest of the network uses the recorded output, unchanged in place;
/// - a layer's documentation says how the gradients of its parameters follow
///   from input `a` and output gradient `g`. A layer that is used several times
///   is recorded as often, and its gradient is the sum over these recordings.
#pragma once

#include <torch/torch.h>

#include <vector>

namespace cape::models {

class Layer;

/// One use of a layer.
struct Recording {
  const Layer* layer;
  torch::Tensor input;   ///< samples x ...; undefined for LearnedTensor
  torch::Tensor output;  ///< samples x ..., a part of the autograd graph
};

/// A module with parameters of its own (not only its children's).
class Layer : public torch::nn::Module {
 public:
  /// Hands `output` on, after noting it if a probe is on.
  torch::Tensor record(const torch::Tensor& input, torch::Tensor output) const;
};

/// While it lives, the layers that this thread runs record. One at a time for a
/// thread: several may probe parts of a batch with one network.
class ProbeRecording {
 public:
  ProbeRecording();
  ~ProbeRecording();
  ProbeRecording(const ProbeRecording&) = delete;
  ProbeRecording& operator=(const ProbeRecording&) = delete;

  /// Whether this thread's layers record.
  static bool is_on();

  /// In the order of the forward pass.
  const std::vector<Recording>& recordings() const { return recordings_; }

 private:
  friend class Layer;
  std::vector<Recording> recordings_;
};

}  // namespace cape::models
