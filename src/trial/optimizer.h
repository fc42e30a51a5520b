/// The optimizers that a network can be trained with: plain descriptions that
/// know their names and their JSON form. src/trainer makes the updates.
///
/// A new optimizer is a struct here, an alternative of the variant below, and
/// what the compiler then asks for: its update in src/trainer/training.cpp.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

namespace cape::trial {

/// `visit_keys` names each setting that a configuration may give, in order.

/// Adam with decoupled weight decay, betas 0.9 and 0.999 and eps 1e-8.
struct AdamW {
  static constexpr const char* kName = "adamw";
  double weight_decay = 1e-4;  ///< the weights shrink by eta times this a step

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit("weight_decay", self.weight_decay);
  }
  bool operator==(const AdamW&) const = default;
};

/// Adam with betas 0.9 and 0.999 and eps 1e-8; this multiple of the weights is
/// added to the gradient.
struct Adam {
  static constexpr const char* kName = "adam";
  double weight_decay = 1e-4;

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit("weight_decay", self.weight_decay);
  }
  bool operator==(const Adam&) const = default;
};

/// Gradient descent with momentum, without dampening; this multiple of the
/// weights is added to the gradient.
struct Sgd {
  static constexpr const char* kName = "sgd";
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 1e-4;

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit("momentum", self.momentum);
    visit("nesterov", self.nesterov);
    visit("weight_decay", self.weight_decay);
  }
  bool operator==(const Sgd&) const = default;
};

using Optimizer = std::variant<AdamW, Adam, Sgd>;

/// The kinds of optimizers, in the order of the variant: "adamw", "adam", ...
const std::vector<std::string>& optimizer_kinds();

/// The settings that a kind has: "momentum", ... Throws UserError for a kind
/// that is not known.
std::vector<std::string> optimizer_keys(const std::string& kind);

/// "adamw", "adam" or "sgd".
std::string kind_of(const Optimizer& optimizer);

/// For people and tables: the kind and every setting but the weight decay that
/// is not the default: "sgd", "sgd(momentum=0.5, nesterov)".
std::string name_of(const Optimizer& optimizer);

double weight_decay_of(const Optimizer& optimizer);
Optimizer with_weight_decay(Optimizer optimizer, double weight_decay);

/// {"kind": "sgd", "momentum": 0.9, ...} with all settings.
nlohmann::json to_json(const Optimizer& optimizer);

/// The kind and the settings that are not at their default, without the weight
/// decay, which rows and keys hold apart: the text of the column
/// `optimizer_json`. A setting that is added later changes no key, and the
/// defaults of this file are frozen, since rows rely on them.
nlohmann::json identity_of(const Optimizer& optimizer);

/// The inverse of to_json. Settings that are absent have their defaults. Throws
/// UserError for an unknown kind or setting, a value of the wrong type and one
/// out of range.
Optimizer optimizer_from(const nlohmann::json& description);

}  // namespace cape::trial
