#include "plain/model.h"

#include "core/error.h"
#include "plain/families.h"

namespace cape::plain {
namespace {

void copy_all(const std::vector<torch::Tensor>& from,
              const std::vector<torch::Tensor>& to) {
  if (from.size() != to.size()) {
    fail("{} tensors for {}", from.size(), to.size());
  }
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i].sizes() != to[i].sizes()) {
      fail("tensor {} is {} instead of {}", i, torch::str(from[i].sizes()),
           torch::str(to[i].sizes()));
    }
    to[i].copy_(from[i]);
  }
}

/// Running means and variances. Stock BatchNorm also counts its batches.
std::vector<torch::Tensor> statistics(const torch::nn::Module& model) {
  std::vector<torch::Tensor> floating;
  for (const torch::Tensor& buffer : model.buffers()) {
    if (buffer.is_floating_point()) floating.push_back(buffer);
  }
  return floating;
}

}  // namespace

ModelPointer make(const zoo::TorchScript& network, const Shape& /*input*/,
                  std::int64_t /*outputs*/) {
  fail("{} has no twin of stock modules", network.file);
}

std::shared_ptr<PlainModel> make_plain(const zoo::Architecture& architecture,
                                       const std::vector<std::int64_t>& sample,
                                       std::int64_t outputs) {
  const Shape input = zoo::input_shape(architecture, sample);
  return std::visit(
      [&](const auto& description) {
        return make(description, input, outputs);
      },
      architecture);
}

void copy_weights(const models::Model& from, PlainModel& to) {
  copy_all(from.parameters(), to.weights());
  copy_all(statistics(from), statistics(to));
}

}  // namespace cape::plain
