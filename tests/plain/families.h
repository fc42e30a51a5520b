/// The networks that make_plain dispatches to, a file per family. `input` is
/// the shape of one sample as the network sees it.
#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "plain/model.h"

namespace cape::plain {

using Shape = std::vector<std::int64_t>;
using ModelPointer = std::shared_ptr<PlainModel>;

ModelPointer make(const zoo::Mlp& mlp, const Shape& input,
                  std::int64_t outputs);
ModelPointer make(const zoo::VggLite& vgg, const Shape& input,
                  std::int64_t outputs);
ModelPointer make(const zoo::ResnetMini& resnet, const Shape& input,
                  std::int64_t outputs);
ModelPointer make(const zoo::MobilenetMini& network, const Shape& input,
                  std::int64_t outputs);
ModelPointer make(const zoo::Lstm& lstm, const Shape& input,
                  std::int64_t outputs);
ModelPointer make(const zoo::Gru& gru, const Shape& input,
                  std::int64_t outputs);
ModelPointer make(const zoo::Cct& cct, const Shape& input,
                  std::int64_t outputs);
ModelPointer make(const zoo::Vit& vit, const Shape& input,
                  std::int64_t outputs);
ModelPointer make(const zoo::Pit& pit, const Shape& input,
                  std::int64_t outputs);
ModelPointer make(const zoo::Sequential& network, const Shape& input,
                  std::int64_t outputs);
/// A user's own has no plain twin. Throws Error.
ModelPointer make(const zoo::TorchScript& network, const Shape& input,
                  std::int64_t outputs);

}  // namespace cape::plain
