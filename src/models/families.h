/// The builders that models/build.h dispatches to, one file for each family.
/// Private to src/models. `input` is the shape of one sample as the network
/// sees it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/build.h"

namespace cape::models {

using Shape = std::vector<std::int64_t>;

/// A network that makes maps or tokens from an image.
class ImageModel : public Model {
 public:
  std::int64_t micro_batch_size() const override { return 16; }
};

std::shared_ptr<Model> make_model(const zoo::Mlp& mlp, const Shape& input,
                                  const zoo::Head& head);
std::shared_ptr<Model> make_model(const zoo::VggLite& vgg, const Shape& input,
                                  const zoo::Head& head);
std::shared_ptr<Model> make_model(const zoo::ResnetMini& resnet,
                                  const Shape& input, const zoo::Head& head);
std::shared_ptr<Model> make_model(const zoo::MobilenetMini& network,
                                  const Shape& input, const zoo::Head& head);
std::shared_ptr<Model> make_model(const zoo::Lstm& lstm, const Shape& input,
                                  const zoo::Head& head);
std::shared_ptr<Model> make_model(const zoo::Gru& gru, const Shape& input,
                                  const zoo::Head& head);
std::shared_ptr<Model> make_model(const zoo::Cct& cct, const Shape& input,
                                  const zoo::Head& head);
std::shared_ptr<Model> make_model(const zoo::Vit& vit, const Shape& input,
                                  const zoo::Head& head);
std::shared_ptr<Model> make_model(const zoo::Pit& pit, const Shape& input,
                                  const zoo::Head& head);
std::shared_ptr<Model> make_model(const zoo::TorchScript& network,
                                  const Shape& input, const zoo::Head& head);
std::shared_ptr<Model> make_model(const zoo::Sequential& network,
                                  const Shape& input, const zoo::Head& head);

}  // namespace cape::models
