#include "models/recording.h"

#include "core/error.h"

namespace cape::models {

torch::Tensor Layer::record(const torch::Tensor& input,
                            torch::Tensor output) const {
  if (recordings_ != nullptr) recordings_->push_back({this, input, output});
  return output;
}

ProbeRecording::ProbeRecording(torch::nn::Module& model) {
  for (const auto& module : model.modules()) {
    auto* layer = dynamic_cast<Layer*>(module.get());
    if (layer == nullptr) continue;
    if (layer->recordings_ != nullptr) fail("the model is being recorded");
    layers_.push_back(layer);
  }
  for (Layer* layer : layers_) layer->recordings_ = &recordings_;
}

ProbeRecording::~ProbeRecording() {
  for (Layer* layer : layers_) layer->recordings_ = nullptr;
}

}  // namespace cape::models
