#include "trainer/network_features.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cape::trainer {
namespace {

/// A trainable tensor and the layer that it is of.
struct NamedTensor {
  std::string layer;  ///< "blocks.block0.expand"
  std::string name;   ///< "weight"
  torch::Tensor value;

  bool has(std::string_view part) const {
    return name.find(part) != std::string::npos;
  }
  bool is_of(std::string_view part) const {
    return (layer + "." + name).find(part) != std::string::npos;
  }
  double size() const { return static_cast<double>(value.numel()); }
};

std::vector<NamedTensor> trainable_tensors(const torch::nn::Module& model) {
  std::vector<NamedTensor> tensors;
  for (const auto& item : model.named_parameters()) {
    if (!item.value().requires_grad()) continue;
    std::string path = item.key();
    std::ranges::transform(path, path.begin(), [](unsigned char c) {
      return static_cast<char>(std::tolower(c));
    });
    // The names of a TorchScript network have slashes: models/torchscript.cpp.
    const std::size_t end = path.find_last_of("./");
    if (end == std::string::npos) {
      tensors.push_back({"", path, item.value()});
    } else {
      tensors.push_back(
          {path.substr(0, end), path.substr(end + 1), item.value()});
    }
  }
  return tensors;
}

/// The tensors of one layer.
class LayerTensors {
 public:
  void add(const NamedTensor& tensor) { tensors_.push_back(&tensor); }

  const NamedTensor* find(std::string_view name) const {
    const auto found = std::ranges::find(tensors_, name, &NamedTensor::name);
    return found == tensors_.end() ? nullptr : *found;
  }

  /// Whether this is a norm: its weight is a scale, one number for each
  /// feature, as the bias beside it is a shift.
  bool is_norm() const {
    const NamedTensor* const scale = find("weight");
    if (scale == nullptr) return false;
    const NamedTensor* const shift = find("bias");
    if (shift != nullptr && shift->value.sizes() == scale->value.sizes()) {
      return true;
    }
    return scale->value.dim() == 1 &&
           std::ranges::none_of(tensors_, [](const NamedTensor* tensor) {
             return tensor->value.dim() >= 2 && tensor->has("weight");
           });
  }

 private:
  std::vector<const NamedTensor*> tensors_;
};

/// Whether this is the weight of a layer that is no norm. Tensors of two and
/// more dimensions that are not called weights are those of networks with names
/// of their own, unless they look like positions, tokens or factors.
bool is_layer_weight(const NamedTensor& tensor, const LayerTensors& layer) {
  const torch::Tensor& value = tensor.value;
  if (value.dim() < 2 || layer.is_norm()) return false;
  if (tensor.has("weight")) return true;
  return value.size(0) > 1 && value.numel() > value.size(0) &&
         !tensor.has("bias") && !tensor.is_of("pos") && !tensor.is_of("token");
}

/// Queries, keys and values of torch.nn.MultiheadAttention, one below another.
bool is_joint_projection(const NamedTensor& tensor) {
  return tensor.name == "in_proj_weight";
}

std::int64_t outputs_of(const NamedTensor& weight, const LayerTensors& layer) {
  if (is_joint_projection(weight)) return weight.value.size(0) / 3;
  const bool is_table = weight.value.dim() == 2 && weight.is_of("emb") &&
                        layer.find("bias") == nullptr;
  return weight.value.size(is_table ? 1 : 0);
}

bool is_recurrent(const NamedTensor& tensor) {
  return tensor.name.starts_with("weight_ih") ||
         tensor.name.starts_with("weight_hh") ||
         tensor.name.starts_with("weight_hr") ||
         // models/recurrent.h
         (tensor.name == "weight" &&
          (tensor.layer.ends_with("input_projection") ||
           tensor.layer.ends_with("hidden_projection")));
}

}  // namespace

trial::NetworkFeatures network_features(const torch::nn::Module& model,
                                        std::int64_t outputs) {
  const std::vector<NamedTensor> tensors = trainable_tensors(model);
  std::map<std::string, LayerTensors> layers;
  for (const NamedTensor& tensor : tensors) layers[tensor.layer].add(tensor);

  double parameters = 0, convolutions = 0, norms = 0, recurrent = 0;
  std::int64_t weight_layers = 0;
  std::vector<std::int64_t> widths;  // of the layers, in order
  for (const NamedTensor& tensor : tensors) {
    const LayerTensors& layer = layers.at(tensor.layer);
    parameters += tensor.size();
    if (is_recurrent(tensor)) recurrent += tensor.size();
    if (layer.is_norm() && (tensor.name == "weight" || tensor.name == "bias")) {
      norms += tensor.size();
    }
    if (!is_layer_weight(tensor, layer)) continue;
    weight_layers += is_joint_projection(tensor) ? 3 : 1;
    if (tensor.value.dim() >= 3) convolutions += tensor.size();
    widths.push_back(outputs_of(tensor, layer));
  }
  // The output layer is the last one, if it has as many outputs as the network.
  if (widths.size() > 1 && widths.back() == outputs) widths.pop_back();

  trial::NetworkFeatures result;
  if (parameters == 0) return result;
  result.weight_layers = static_cast<double>(weight_layers);
  result.convolution_share = convolutions / parameters;
  if (!widths.empty()) {
    result.widest_layer = static_cast<double>(std::ranges::max(widths));
  }
  result.norm_parameters = norms / parameters;
  result.recurrent_weights = recurrent / parameters;
  return result;
}

}  // namespace cape::trainer
