/// What a probe records of a network: each use of a layer that has parameters.
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

#include <vector>

#include "models/torch.h"

namespace cape::models {

class Layer;

/// One use of a layer.
struct Recording {
  const Layer* layer;
  torch::Tensor input;   ///< samples x ...; undefined for LearnedTensor
  torch::Tensor output;  ///< samples x ..., a part of the autograd graph
};

/// A module that has parameters of its own, not only those of its children.
class Layer : public torch::nn::Module {
 public:
  /// Returns `output`, and records it if a probe is recording.
  torch::Tensor record(const torch::Tensor& input, torch::Tensor output) const;
};

/// While it exists, the layers that this thread runs are recorded. A thread has
/// at most one; several threads may probe parts of a batch with one network.
class ProbeRecording {
 public:
  ProbeRecording();
  ~ProbeRecording();
  ProbeRecording(const ProbeRecording&) = delete;
  ProbeRecording& operator=(const ProbeRecording&) = delete;

  /// Whether the layers of this thread are recorded.
  static bool is_on();

  /// The recordings in the order of the forward pass.
  const std::vector<Recording>& recordings() const { return recordings_; }

 private:
  friend class Layer;
  std::vector<Recording> recordings_;
};

}  // namespace cape::models
