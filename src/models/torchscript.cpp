#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/script.h>

#include <algorithm>
#include <functional>
#include <sstream>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "models/families.h"

namespace cape::models {
namespace {

/// The message of a LibTorch exception, without the stack traces around it.
std::string reason(const std::exception& error) {
  std::string what = error.what();
  const std::size_t own = what.rfind("Error: ");
  if (own != std::string::npos) what.erase(0, own + 7);
  return what.substr(0, what.find('\n'));
}

torch::jit::Module load(const std::string& file, const std::string& content) {
  std::istringstream stream(content);
  try {
    return torch::jit::load(stream, torch::kCPU);
  } catch (const std::exception& error) {
    fail("{}: no TorchScript that this LibTorch reads: {}", file,
         reason(error));
  }
}

class ScriptModel : public Model {
 public:
  ScriptModel(std::string file, torch::jit::Module module,
              const zoo::Head& head)
      : file_(std::move(file)), module_(std::move(module)), head_(head) {
    std::int64_t count = 0;
    // These are the module's own tensors: what changes here, changes there.
    for (const auto& parameter : module_.named_parameters()) {
      register_parameter(flat(parameter.name), parameter.value,
                         parameter.value.requires_grad());
      count += parameter.value.requires_grad() ? 1 : 0;
    }
    for (const auto& buffer : module_.named_buffers()) {
      register_buffer(flat(buffer.name), buffer.value);
    }
    if (count == 0) {
      fail("{}: no trainable parameters; save the module with requires_grad",
           file_);
    }
    module_.train();
  }

  torch::Tensor forward(const torch::Tensor& inputs) override {
    const torch::jit::IValue outputs = run(inputs);
    if (!outputs.isTensor()) {
      fail("{}: forward gives a {}, not a tensor", file_, outputs.tagKind());
    }
    std::vector<std::int64_t> expected = {inputs.size(0)};
    if (head_.per_step) expected.push_back(inputs.size(1));
    expected.push_back(head_.outputs);
    torch::Tensor tensor = outputs.toTensor();
    if (tensor.sizes() != expected) {
      fail("{}: forward gives {} for inputs of {}; the task takes {}", file_,
           text(tensor.sizes()), text(inputs.sizes()), text(expected));
    }
    return tensor;
  }

  void train(bool on) override {
    Model::train(on);
    module_.train(on);
  }

  bool records_probes() const override { return false; }

  void train_without_dropout() override {
    train(true);
    for (torch::jit::Module module : module_.modules()) {
      // The name of the class in Python.
      const auto name = module.type()->name();
      if (name && is_dropout(name->name()) && module.hasattr("training")) {
        module.setattr("training", false);
      }
    }
  }

  /// A forward pass may also count, or give an attribute another tensor.
  std::function<void()> remember_state() override {
    struct Attribute {
      c10::intrusive_ptr<c10::ivalue::Object> owner;
      std::size_t slot;
      torch::jit::IValue value;
      torch::Tensor copy;  ///< of a tensor's numbers
    };
    std::vector<Attribute> attributes;
    for (const torch::jit::Module& module : module_.modules()) {
      const auto owner = module._ivalue();
      for (std::size_t slot = 0; slot < owner->slots().size(); ++slot) {
        const torch::jit::IValue& value = owner->getSlot(slot);
        if (value.isTensor()) {
          // Parameters do not change in a forward pass.
          const torch::Tensor& tensor = value.toTensor();
          const bool changes = tensor.defined() && !tensor.requires_grad();
          attributes.push_back(
              {owner, slot, value, changes ? tensor.clone() : torch::Tensor()});
        } else if (value.isInt() || value.isDouble() || value.isBool() ||
                   value.isString() || value.isNone() || value.isList() ||
                   value.isGenericDict()) {
          attributes.push_back({owner, slot, copy_of(value), {}});
        }
      }
    }
    return [attributes = std::move(attributes)] {
      const torch::NoGradGuard no_grad;
      for (const Attribute& attribute : attributes) {
        if (attribute.copy.defined()) {
          attribute.value.toTensor().copy_(attribute.copy);
        }
        attribute.owner->setSlot(attribute.slot, attribute.value);
      }
    };
  }

 private:
  /// A copy with the same tensors inside: recurrent layers of PyTorch have a
  /// list of their parameters, which must stay these.
  static torch::jit::IValue copy_of(const torch::jit::IValue& value) {
    torch::jit::IValue::HashIdentityIValueMap tensors;
    value.visit([&](const torch::jit::IValue& inner) {
      if (inner.isTensor()) tensors.emplace(inner, inner);
      return false;
    });
    return value.deepcopy(tensors);
  }

  static bool is_dropout(std::string_view type) {
    constexpr std::string_view kName = "Dropout";
    return type.starts_with(kName) || type.ends_with(kName);
  }

  /// Names in torch::nn must not contain dots.
  static std::string flat(std::string name) {
    std::replace(name.begin(), name.end(), '.', '/');
    return name;
  }

  static std::string text(at::IntArrayRef shape) {
    return fmt::format("{}", fmt::join(shape, " x "));
  }

  torch::jit::IValue run(const torch::Tensor& inputs) {
    try {
      return module_.forward({inputs});
    } catch (const std::exception& error) {
      fail("{}: forward of {} failed: {}", file_, text(inputs.sizes()),
           reason(error));
    }
  }

  const std::string file_;
  torch::jit::Module module_;
  const zoo::Head head_;
};

}  // namespace

std::shared_ptr<Model> make_model(const zoo::TorchScript& network,
                                  const Shape& /*input*/,
                                  const zoo::Head& head) {
  const std::string content = read_file(network.file);
  if (zoo::fingerprint_of(content) != network.fingerprint) {
    fail("{}: not the file that the run began with; start again", network.file);
  }
  return std::make_shared<ScriptModel>(network.file,
                                       load(network.file, content), head);
}

}  // namespace cape::models
