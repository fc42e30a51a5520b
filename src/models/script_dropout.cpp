#include "models/script_dropout.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace cape::models {
namespace {

namespace jit = torch::jit;

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// Unknown if one of them is.
double greater(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? kUnknown : std::max(a, b);
}

/// The input of this name; null where the operator has none.
const jit::Value* input_of(const jit::Node& node, std::string_view name) {
  const std::optional<int> index =
      node.schema().argumentIndexWithName(std::string(name));
  return index ? node.input(static_cast<std::size_t>(*index)) : nullptr;
}

/// The rate that the operator drops with; null for any other operator.
const jit::Value* rate_of(const jit::Node& node) {
  if (node.maybeSchema() == nullptr) return nullptr;
  for (const char* name : {"dropout", "dropout_p"}) {
    if (const jit::Value* const rate = input_of(node, name)) return rate;
  }
  const std::string_view kind = node.kind().toUnqualString();
  return kind.find("dropout") == std::string_view::npos ? nullptr
                                                        : input_of(node, "p");
}

/// Finds what values of the graph of a module are before it runs.
class Values {
 public:
  explicit Values(const jit::Module& module) : module_(module) {}

  /// A constant, or an attribute of the module or of one inside of it.
  std::optional<jit::IValue> known(const jit::Value& value) const {
    const jit::Node& node = *value.node();
    if (node.kind() == jit::prim::Constant) {
      return jit::toIValue(&value);
    }
    if (node.kind() == jit::prim::Param) {
      // The first one is the module itself.
      if (value.offset() != 0 || node.owningBlock()->owningNode() != nullptr) {
        return std::nullopt;
      }
      return module_._ivalue();
    }
    if (node.kind() != jit::prim::GetAttr) return std::nullopt;
    const std::optional<jit::IValue> owner = known(*node.input());
    if (!owner || !owner->isObject()) return std::nullopt;
    return owner->toObject()->getAttr(node.s(jit::attr::name));
  }

  /// The greatest number that it can be: one that is chosen when the module
  /// runs is usually 0 in evaluation mode.
  double greatest(const jit::Value& value) const {
    const jit::Node& node = *value.node();
    if (node.kind() == jit::prim::If) {
      double rate = 0;
      for (const jit::Block* const block : node.blocks()) {
        rate = greater(rate, greatest(*block->outputs().at(value.offset())));
      }
      return rate;
    }
    const std::optional<jit::IValue> found = known(value);
    return found && found->isScalar() ? found->toScalar().toDouble() : kUnknown;
  }

  bool is(const jit::Value* value, const jit::IValue& constant) const {
    if (value == nullptr) return false;
    const std::optional<jit::IValue> found = known(*value);
    return found && *found == constant;
  }

 private:
  const jit::Module& module_;
};

/// Whether the operator drops nothing in training mode either.
bool is_off(const jit::Node& node, const Values& values) {
  // An attribute is the mode at this moment; a constant is one for ever.
  const jit::Value* const train = input_of(node, "train");
  const bool is_constant =
      train != nullptr && train->node()->kind() == jit::prim::Constant;
  return (is_constant && values.is(train, false)) ||
         // It is between recurrent layers.
         values.is(input_of(node, "num_layers"), 1);
}

double greatest_in(const jit::Block& block, const Values& values) {
  double rate = 0;
  for (const jit::Node* const node : block.nodes()) {
    const jit::Value* const own = rate_of(*node);
    if (own != nullptr && !is_off(*node, values)) {
      rate = greater(rate, values.greatest(*own));
    }
    for (const jit::Block* const inner : node->blocks()) {
      rate = greater(rate, greatest_in(*inner, values));
    }
  }
  return rate;
}

}  // namespace

double dropout_rate(const jit::Module& module) {
  const auto graph = module.get_method("forward").graph()->copy();
  jit::Inline(*graph);
  return greatest_in(*graph->block(), Values(module));
}

}  // namespace cape::models
