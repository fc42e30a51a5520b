#include <ATen/MemoryOverlap.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/script.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "models/families.h"
#include "models/script_dropout.h"

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

/// Whether elements share their memory, as in a tensor of expand().
bool is_expanded(const torch::Tensor& tensor) {
  return at::has_internal_overlap(tensor) == at::MemOverlap::Yes;
}

class ScriptModel : public Model {
 public:
  ScriptModel(std::string file, torch::jit::Module module,
              const zoo::Head& head)
      : file_(std::move(file)), module_(std::move(module)), head_(head) {
    bring_into_form();
    register_tensors();
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
    tensor = tensor.to(torch::kFloat);
    if (!looked_at_outputs_) look_at_outputs(tensor);
    return tensor;
  }

  std::vector<std::string> notes() const override { return notes_; }

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

  std::optional<double> dropout_rate(const torch::Tensor& inputs) override {
    train(true);
    return greatest_dropout_rate([&] { forward(inputs); });
  }

  /// A forward pass may also count, or keep something for the next one, in any
  /// attribute.
  std::function<void()> remember_state() override {
    struct Attribute {
      c10::intrusive_ptr<c10::ivalue::Object> owner;
      std::size_t slot;
      torch::jit::IValue value;
    };
    std::vector<Attribute> attributes;
    std::vector<std::pair<torch::Tensor, torch::Tensor>> contents;
    std::set<const at::TensorImpl*> seen;
    // Parameters do not change in a forward pass.
    for (const torch::Tensor& parameter : parameters()) {
      seen.insert(parameter.unsafeGetTensorImpl());
    }
    for (const torch::jit::Module& module : module_.modules()) {
      const auto owner = module._ivalue();
      for (std::size_t slot = 0; slot < owner->slots().size(); ++slot) {
        const torch::jit::IValue& value = owner->getSlot(slot);
        if (value.isObject()) continue;  // a module
        value.visit([&](const torch::jit::IValue& inner) {
          if (!inner.isTensor() || !inner.toTensor().defined()) return false;
          const torch::Tensor tensor = inner.toTensor().detach();
          const bool is_new =
              seen.insert(inner.toTensor().unsafeGetTensorImpl()).second;
          // Nothing can be written to an expanded one.
          if (is_new && !is_expanded(tensor)) {
            contents.emplace_back(tensor, tensor.clone());
          }
          return false;
        });
        attributes.push_back({owner, slot, copy_of(value)});
      }
    }
    return
        [attributes = std::move(attributes), contents = std::move(contents)] {
          const torch::NoGradGuard no_grad;
          // What a graph has saved must not be written to without need.
          for (auto [tensor, copy] : contents) {
            if (!torch::equal(tensor, copy)) tensor.copy_(copy);
          }
          for (const Attribute& attribute : attributes) {
            // A list or a dictionary may be changed by what comes next.
            attribute.owner->setSlot(attribute.slot, copy_of(attribute.value));
          }
        };
  }

 private:
  /// Gives every tensor the form in which networks are trained here. Each stays
  /// the same tensor, since recurrent layers of PyTorch keep them in a list,
  /// too.
  void bring_into_form() {
    std::set<std::string> types;
    const auto bring = [&](torch::Tensor tensor) {
      if (tensor.is_floating_point() && tensor.scalar_type() != torch::kFloat) {
        types.insert(torch::toString(tensor.scalar_type()));
        tensor.set_data(tensor.to(torch::kFloat));
      }
      // An update in place cannot write to such a tensor.
      if (is_expanded(tensor)) tensor.set_data(tensor.contiguous());
    };
    for (const torch::Tensor& parameter : module_.parameters()) {
      if (is_expanded(parameter)) {
        notes_.push_back(fmt::format(
            "{}: a parameter of {} was made with expand(); each of its "
            "elements is trained for itself",
            file_, text(parameter.sizes())));
      }
      bring(parameter);
    }
    for (const torch::Tensor& buffer : module_.buffers()) bring(buffer);
    if (types.empty()) return;
    notes_.push_back(
        fmt::format("{}: its tensors are of type {}; it is trained in float32",
                    file_, fmt::join(types, " and ")));
  }

  /// These are the module's own tensors: what changes here, changes there. One
  /// tensor may have several names; as for PyTorch's optimizers it is one
  /// parameter, with the first of them.
  void register_tensors() {
    std::map<const at::TensorImpl*, std::string> names;
    std::int64_t count = 0;
    for (const auto& parameter : module_.named_parameters()) {
      const auto [first, is_new] =
          names.emplace(parameter.value.unsafeGetTensorImpl(), parameter.name);
      if (!is_new) {
        notes_.push_back(fmt::format(
            "{}: {} and {} are one tensor, which is counted and updated once",
            file_, first->second, parameter.name));
        continue;
      }
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
  }

  /// The losses of all tasks take outputs before a softmax.
  void look_at_outputs(const torch::Tensor& outputs) {
    looked_at_outputs_ = true;
    if (head_.outputs < 2) return;
    const torch::NoGradGuard no_grad;
    // Sums of float32.
    const auto are_all_one = [](const torch::Tensor& sums) {
      return (sums - 1).abs().max().item<double>() < 1e-4;
    };
    const char* const softmax =
        outputs.min().item<double>() >= 0 && are_all_one(outputs.sum(-1))
            ? "softmax"
        : outputs.max().item<double>() <= 0 &&
                are_all_one(outputs.exp().sum(-1))
            ? "log_softmax"
            : nullptr;
    if (softmax == nullptr) return;
    notes_.push_back(fmt::format(
        "{}: its outputs look like those of {}; the losses take the outputs "
        "before it, so end the network with its last layer",
        file_, softmax));
  }

  /// A copy with the same tensors inside: recurrent layers of PyTorch have a
  /// list of their parameters, which must stay these. A tensor is itself.
  static torch::jit::IValue copy_of(const torch::jit::IValue& value) {
    if (value.isTensor()) return value;
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

  static std::string kind_of(const torch::Tensor& inputs) {
    if (inputs.is_floating_point()) return "numbers";
    return fmt::format("tokens ({} to {})", inputs.min().item<std::int64_t>(),
                       inputs.max().item<std::int64_t>());
  }

  torch::jit::IValue run(const torch::Tensor& inputs) {
    try {
      // A network may change its input in place; the batch stays as it is.
      return module_.forward({inputs.clone()});
    } catch (const std::exception& error) {
      fail("{}: forward of {} {} failed: {}", file_, text(inputs.sizes()),
           kind_of(inputs), reason(error));
    }
  }

  const std::string file_;
  torch::jit::Module module_;
  const zoo::Head head_;
  std::vector<std::string> notes_;
  bool looked_at_outputs_ = false;
};

}  // namespace

bool has_tied_tensors(const std::string& file) {
  const torch::jit::Module module = load(file, read_file(file));
  std::set<const at::TensorImpl*> tensors;
  for (const auto& parameter : module.named_parameters()) {
    if (!tensors.insert(parameter.value.unsafeGetTensorImpl()).second) {
      return true;
    }
  }
  return false;
}

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
