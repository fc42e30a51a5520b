/// What a network is before it is built: plain descriptions that know their
/// parameter count, their FLOPs and their JSON form. src/models builds them.
///
/// A new architecture is a struct in a file of its own, an alternative of the
/// variant below, and a builder in src/models.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "zoo/cnn.h"
#include "zoo/mlp.h"
#include "zoo/rnn.h"
#include "zoo/sequential.h"
#include "zoo/torchscript.h"
#include "zoo/transformer.h"

namespace cape::zoo {

using Architecture = std::variant<Mlp, VggLite, ResnetMini, MobilenetMini, Lstm,
                                  Gru, Cct, Vit, Pit, TorchScript, Sequential>;

/// How the samples of a data set are handed to a network.
struct InputForm {
  bool rgb32 = false;       ///< images as 3 x 32 x 32: resized, grey repeated
  bool standardise = true;  ///< with the data set's mean and deviation

  bool operator==(const InputForm&) const = default;
};

/// One sample of a data set: numbers, or tokens, which are whole numbers from 0
/// to `vocabulary` - 1.
struct Sample {
  std::vector<std::int64_t> shape;  ///< D, T x D or C x H x W; of tokens T
  std::int64_t vocabulary = 0;      ///< 0: numbers

  Sample(std::vector<std::int64_t> shape)  // NOLINT: a shape is a Sample
      : shape(std::move(shape)) {}
  Sample(std::initializer_list<std::int64_t> shape) : shape(shape) {}

  static Sample of_tokens(std::int64_t length, std::int64_t vocabulary) {
    Sample sample{length};
    sample.vocabulary = vocabulary;
    return sample;
  }
};

/// What a network gives for one sample.
struct Head {
  std::int64_t outputs = 0;
  bool per_step = false;  ///< outputs for each step of a sequence

  Head(std::int64_t outputs, bool per_step = false)
      : outputs(outputs), per_step(per_step) {}
};

/// "mlp", "transformer", ...
std::string family(const Architecture& architecture);

/// Short and unique within a family: "mlp_3x256", "vit_tiny".
std::string short_name(const Architecture& architecture);

InputForm input_form(const Architecture& architecture);

/// Why the network cannot be built for such samples with this head, as a
/// message; empty if it can.
std::string explain_mismatch(const Architecture& architecture,
                             const Sample& sample, const Head& head);

/// The features of the vector that stands for each token of `sample`: the
/// embedding in front of networks for sequences. 0 for numbers, and for a
/// network that takes tokens as they are.
std::int64_t embedding_width(const Architecture& architecture,
                             const Sample& sample);

/// The shape of one sample as the network sees it, behind an embedding.
std::vector<std::int64_t> input_shape(const Architecture& architecture,
                                      const Sample& sample);

/// Trainable parameters of a network that explain_mismatch() accepts.
std::int64_t parameter_count(const Architecture& architecture,
                             const Sample& sample, const Head& head);

/// Whether parameter_count and forward_flops are exact. For a module in a file
/// they are estimates until it is loaded.
bool has_known_size(const Architecture& architecture);

/// Floating-point operations of one sample's forward pass in its matrix
/// products, a multiply-add counting as two.
double forward_flops(const Architecture& architecture, const Sample& sample,
                     const Head& head);

/// {"family": ..., "kind": ..., parameters...}: all that it takes to build the
/// network here, the path of a module's file among it.
nlohmann::json to_json(const Architecture& architecture);

/// The same for rows and people elsewhere: instead of the path of a file the
/// file's name.
nlohmann::json describe(const Architecture& architecture);

/// What the keys of rows say of an architecture: to_json without the path of a
/// file, without the name of a list of layers, and with the kind's `revision`
/// where that is not 0.
nlohmann::json identity(const Architecture& architecture);

/// How many corrections have changed what networks of this kind are; part of
/// identity(), so that their rows are measured again and those of other kinds
/// are not.
int revision(const Architecture& architecture);

/// The inverse of to_json. Parameters that are absent have their defaults.
/// Throws UserError for an unknown family, kind or parameter, a value of the
/// wrong type and one out of range.
Architecture architecture_from(const nlohmann::json& description);

}  // namespace cape::zoo
