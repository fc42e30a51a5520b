#include "shard/schema.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/error.h"

namespace cape::shard {
namespace {

// Rows are read, kept and compared as bytes.
static_assert(std::is_standard_layout_v<Row>);
static_assert(std::is_trivially_copyable_v<Row>);
static_assert(sizeof(bool) == 1);

#define CAPE_COLUMN(name, type, unit, description, is_volatile)            \
  Column {                                                                 \
#name, ColumnType::type, offsetof(Row, name), sizeof(Row::name), unit, \
        description, is_volatile                                           \
  }

constexpr bool kKept = false;
constexpr bool kVolatile = true;

constexpr Column kColumns[] = {
    CAPE_COLUMN(key, string, "", "Content hash of all that determines the row",
                kKept),
    CAPE_COLUMN(trajectory, string, "",
                "Key of the training run: the same in all its rows", kKept),
    CAPE_COLUMN(family, string, "", "mlp, cnn, rnn, transformer, torchscript",
                kKept),
    CAPE_COLUMN(architecture, string, "",
                "Short name, unique within the family", kKept),
    CAPE_COLUMN(architecture_json, string, "",
                "Full description of the architecture, as JSON", kKept),
    CAPE_COLUMN(dataset, string, "", "Name of the data set", kKept),
    CAPE_COLUMN(variant, string, "",
                "How the data differ from the official set, as JSON; empty: "
                "not at all",
                kKept),
    CAPE_COLUMN(label_noise, float64, "1",
                "Share of the labels that were drawn afresh", kKept),
    CAPE_COLUMN(lowres, int32, "pixels",
                "Side of the squares whose pixels are equal; 1: as they are",
                kKept),
    CAPE_COLUMN(inverted, boolean, "", "Whether pixels p became 255 - p",
                kKept),
    CAPE_COLUMN(input_scale, float64, "1",
                "Factor of the inputs, as the network has them", kKept),
    CAPE_COLUMN(input_noise, float64, "1",
                "Deviation of the Gaussian noise added to the inputs", kKept),
    CAPE_COLUMN(task, string, "", "Kind of task, which selects head and loss",
                kKept),
    CAPE_COLUMN(target, string, "",
                "What t_star counts; batch_steps: optimizer steps on one batch",
                kKept),
    CAPE_COLUMN(learning_rate, float64, "1", "AdamW's step size eta", kKept),
    CAPE_COLUMN(batch_size, int32, "samples", "B, the size of the probe batch",
                kKept),
    CAPE_COLUMN(epsilon, float64, "1",
                "The fraction of the initial loss that is to be reached",
                kKept),
    CAPE_COLUMN(trial, int64, "", "Number of the repetition, from 0", kKept),
    CAPE_COLUMN(log_p, float64, "1", "ln P, P the trainable parameters", kKept),
    CAPE_COLUMN(log_g2, float64, "1",
                "ln g2, the mean squared gradient norm of a sample's loss",
                kKept),
    CAPE_COLUMN(log_tau, float64, "1",
                "ln tau, the mean squared gradient norm of f, the true logit",
                kKept),
    CAPE_COLUMN(log_n, float64, "1",
                "ln N, N the size of the official training split", kKept),
    CAPE_COLUMN(log_lr, float64, "1", "ln of learning_rate", kKept),
    CAPE_COLUMN(log_b, float64, "1", "ln of batch_size", kKept),
    CAPE_COLUMN(
        classes, int32, "",
        "C, the classes of the data set; multilabel: its labels; regression: 0",
        kKept),
    CAPE_COLUMN(input_size, int64, "numbers",
                "Of one sample, as the data set has it: C x H x W, T x D or D",
                kKept),
    CAPE_COLUMN(probe_loss, float64, "loss",
                "The loss before the first update, in evaluation mode", kKept),
    CAPE_COLUMN(log_mean_g2, float64, "1",
                "ln of the squared norm of the mean loss's gradient", kKept),
    CAPE_COLUMN(label_entropy, float64, "nat",
                "Entropy of the labels in the probe batch", kKept),
    CAPE_COLUMN(logit_spread, float64, "1",
                "Deviation of a sample's logits, the mean over samples", kKept),
    CAPE_COLUMN(log_line_1, float64, "1",
                "ln(L / probe_loss) after a step of eta along -sign(gradient)",
                kKept),
    CAPE_COLUMN(log_line_2, float64, "1", "The same after a step of 2 eta",
                kKept),
    CAPE_COLUMN(log_line_4, float64, "1", "The same after a step of 4 eta",
                kKept),
    CAPE_COLUMN(initial_loss, float64, "loss",
                "L_0, the training-mode loss before the first update", kKept),
    CAPE_COLUMN(final_loss, float64, "loss", "The loss after steps_run updates",
                kKept),
    CAPE_COLUMN(t_star, int32, "steps",
                "First t with L_t <= epsilon L_0; censored: the cap max_steps",
                kKept),
    CAPE_COLUMN(converged, boolean, "",
                "Whether epsilon was reached; otherwise the row is censored",
                kKept),
    CAPE_COLUMN(stop_reason, string, "",
                "converged, plateau, max_steps or non_finite", kKept),
    CAPE_COLUMN(steps_run, int32, "steps",
                "The t of final_loss: t_star, or the last t when censored",
                kKept),
    CAPE_COLUMN(samples_available, int64, "samples",
                "Training samples at hand, of which the batch was drawn",
                kKept),
    CAPE_COLUMN(seed, uint64, "", "Seed of everything random in the trajectory",
                kKept),
    CAPE_COLUMN(probe_seconds, float64, "s", "Wall time of the probe",
                kVolatile),
    CAPE_COLUMN(step_seconds, float64, "s",
                "Wall time of a training step, the mean", kVolatile),
    CAPE_COLUMN(device, string, "", "What trained: cpu, cuda:0", kVolatile),
    CAPE_COLUMN(threads, int32, "", "CPU threads of the trainer", kVolatile),
    CAPE_COLUMN(curve_offset, int64, "losses",
                "Where L_0 of the trajectory is in /curves/loss", kVolatile),
    CAPE_COLUMN(curve_length, int64, "losses",
                "Losses of the trajectory in /curves/loss; 0: not kept",
                kVolatile),
};

#undef CAPE_COLUMN

/// The bytes of the UTF-8 character that begins with `lead`; 0: none does.
std::size_t character_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length =
        character_length(static_cast<unsigned char>(text.front()));
    if (length == 0 || length > text.size()) return false;
    const auto continues = [](char c) { return (c & 0xC0) == 0x80; };
    if (!std::ranges::all_of(text.substr(1, length - 1), continues)) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

void store_padded(std::string_view text, std::span<char> bytes) {
  if (text.size() > bytes.size()) {
    fail("'{}' has {} bytes, its column holds {}", text, text.size(),
         bytes.size());
  }
  if (text.find('\0') != text.npos || !is_utf8(text)) {
    fail("'{}' holds a NUL or is not UTF-8", text);
  }
  std::ranges::fill(std::ranges::copy(text, bytes.begin()).out, bytes.end(),
                    '\0');
}

std::string_view padded_view(std::span<const char> bytes) {
  return {bytes.data(), static_cast<std::size_t>(
                            std::ranges::find(bytes, '\0') - bytes.begin())};
}

std::span<const Column> columns() { return kColumns; }

std::span<const char> bytes_at(const Row& row, const Column& column) {
  return {reinterpret_cast<const char*>(&row) + column.offset, column.size};
}

int compare_content(const Row& a, const Row& b) {
  for (const Column& column : columns()) {
    if (column.is_volatile) continue;
    const int order = std::memcmp(bytes_at(a, column).data(),
                                  bytes_at(b, column).data(), column.size);
    if (order != 0) return order;
  }
  return 0;
}

}  // namespace cape::shard
