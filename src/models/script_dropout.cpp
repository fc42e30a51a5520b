#include "models/script_dropout.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace cape::models {
namespace {

/// Of the pass that is watched; below 0 before any operator drops. A network
/// may call operators in threads of its own.
std::atomic<double> greatest_rate;
constexpr double kNone = -1;

/// An argument of an operator by its name; null where it has none.
const c10::IValue* argument(const at::RecordFunction& call,
                            const c10::FunctionSchema& schema,
                            std::string_view name) {
  const auto index = schema.argumentIndexWithName(std::string(name));
  const auto inputs = call.inputs();
  if (!index || static_cast<std::size_t>(*index) >= inputs.size()) {
    return nullptr;
  }
  return &inputs[static_cast<std::size_t>(*index)];
}

bool drops_elements(std::string_view name) {
  constexpr std::array<std::string_view, 9> kOperators = {
      "aten::dropout",
      "aten::dropout_",
      "aten::alpha_dropout",
      "aten::alpha_dropout_",
      "aten::feature_dropout",
      "aten::feature_dropout_",
      "aten::native_dropout",
      "aten::feature_alpha_dropout",
      "aten::feature_alpha_dropout_"};
  return std::ranges::find(kOperators, name) != kOperators.end();
}

/// The rate with which an operator drops numbers when it is called so; kNone if
/// it cannot drop any, as outside of training mode, or in a recurrent network
/// of one layer, which has no place for it.
double rate_of(const at::RecordFunction& call) {
  const std::optional<c10::FunctionSchema> schema = call.operator_schema();
  if (!schema) return kNone;
  const auto given = [&](std::string_view name) {
    return argument(call, *schema, name);
  };
  const c10::IValue* rate = given("dropout_p");  // of attention
  if (rate == nullptr) rate = given("dropout");  // of recurrent layers
  if (rate == nullptr && drops_elements(schema->name())) rate = given("p");
  if (rate == nullptr || !rate->isDouble()) return kNone;
  const c10::IValue* const train = given("train");
  if (train != nullptr && train->isBool() && !train->toBool()) return kNone;
  const c10::IValue* const layers = given("num_layers");
  if (layers != nullptr && layers->isInt() && layers->toInt() == 1)
    return kNone;
  return rate->toDouble();
}

std::unique_ptr<at::ObserverContext> look_at(const at::RecordFunction& call) {
  const double rate = rate_of(call);
  double greatest = greatest_rate;
  while (rate > greatest &&
         !greatest_rate.compare_exchange_weak(greatest, rate)) {
  }
  return nullptr;
}

}  // namespace

std::optional<double> greatest_dropout_rate(const std::function<void()>& pass) {
  static std::mutex one_at_a_time;
  const std::lock_guard<std::mutex> lock(one_at_a_time);
  greatest_rate = kNone;
  struct Watch {
    at::CallbackHandle handle = at::addThreadLocalCallback(
        at::RecordFunctionCallback(look_at).needsInputs(true).scopes(
            {at::RecordScope::FUNCTION}));
    Watch() = default;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { at::removeCallback(handle); }
  };
  const Watch watch;
  pass();
  const double greatest = greatest_rate;
  return greatest == kNone ? std::nullopt : std::optional(greatest);
}

}  // namespace cape::models
