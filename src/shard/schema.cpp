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

#define CAPE_COLUMN(name, type, unit, description, stability, since)       \
  Column {                                                                 \
#name, ColumnType::type, offsetof(Row, name), sizeof(Row::name), unit, \
        description, Stability::stability, since                           \
  }

constexpr Column kColumns[] = {
    CAPE_COLUMN(key, key, "", "Content hash of all that determines the row",
                content, 1),
    CAPE_COLUMN(trajectory, key, "",
                "Key of the training run: the same in all its rows", content,
                1),
    CAPE_COLUMN(family, text, "",
                "mlp, cnn, rnn, transformer, torchscript, sequential", content,
                1),
    CAPE_COLUMN(architecture, text, "", "Short name, unique within the family",
                content, 1),
    CAPE_COLUMN(architecture_json, text, "",
                "Full description of the architecture, as JSON", content, 1),
    CAPE_COLUMN(dataset, text, "", "Name of the data set", content, 1),
    CAPE_COLUMN(
        variant, text, "",
        "How the data differ from the official set, as JSON; empty: not at all",
        content, 1),
    CAPE_COLUMN(label_noise, float64, "1",
                "Share of the labels that were drawn afresh", content, 3),
    CAPE_COLUMN(lowres, int32, "pixels",
                "Side of the squares whose pixels are equal; 1: as they are",
                content, 3),
    CAPE_COLUMN(inverted, boolean, "", "Whether pixels p became 255 - p",
                content, 3),
    CAPE_COLUMN(input_scale, float64, "1",
                "Factor of the inputs, as the network has them", content, 3),
    CAPE_COLUMN(input_noise, float64, "1",
                "Deviation of the Gaussian noise added to the inputs", content,
                3),
    CAPE_COLUMN(task, text, "", "Kind of task, which selects head and loss",
                content, 1),
    CAPE_COLUMN(target, text, "",
                "What t_star counts; batch_steps: optimizer steps on one batch",
                content, 1),
    CAPE_COLUMN(criterion, text, "",
                "What ends the count of t_star: epsilon or early_stopping",
                content, 7),
    CAPE_COLUMN(learning_rate, float64, "1", "The optimizer's step size eta",
                content, 1),
    CAPE_COLUMN(batch_size, int32, "samples",
                "B, the size of the probe batch and of mini-batches", content,
                1),
    CAPE_COLUMN(epsilon, float64, "1",
                "The fraction of the initial loss that is to be reached; "
                "missing: another criterion",
                content, 1),
    CAPE_COLUMN(patience, int32, "epochs",
                "Epochs without an improvement after which a full_training "
                "ends; 0: another target",
                content, 7),
    CAPE_COLUMN(min_delta, float64, "loss",
                "How far below the best one a validation loss must be to count "
                "as an improvement",
                content, 7),
    CAPE_COLUMN(
        samples, int64, "samples",
        "N, the samples that a full_training is trained on; 0: another target",
        content, 7),
    CAPE_COLUMN(trial, int64, "", "Number of the repetition, from 0", content,
                1),
    CAPE_COLUMN(log_p, float64, "1", "ln P, P the trainable parameters",
                content, 1),
    CAPE_COLUMN(log_g2, float64, "1",
                "ln g2, the mean squared gradient norm of a sample's loss",
                probe, 1),
    CAPE_COLUMN(log_tau, float64, "1",
                "ln tau, the mean squared gradient norm of f, the true logit",
                probe, 1),
    CAPE_COLUMN(log_n, float64, "1",
                "ln N, N the size of the official training split", content, 1),
    CAPE_COLUMN(log_lr, float64, "1", "ln of learning_rate", content, 1),
    CAPE_COLUMN(log_b, float64, "1", "ln of batch_size", content, 1),
    CAPE_COLUMN(
        classes, int32, "",
        "C, the classes of the data set; multilabel: its labels; regression: 0",
        content, 2),
    CAPE_COLUMN(input_size, int64, "numbers",
                "Of one sample, as the data set has it: C x H x W, T x D or D",
                content, 4),
    CAPE_COLUMN(probe_loss, float64, "loss",
                "The loss before the first update, in evaluation mode", probe,
                2),
    CAPE_COLUMN(log_mean_g2, float64, "1",
                "ln of the squared norm of the mean loss's gradient", probe, 2),
    CAPE_COLUMN(label_entropy, float64, "nat",
                "Entropy of the labels in the probe batch", probe, 2),
    CAPE_COLUMN(logit_spread, float64, "1",
                "Deviation of a sample's logits, the mean over samples", probe,
                2),
    CAPE_COLUMN(log_line_1, float64, "1",
                "No longer measured: ln(L / probe_loss) after a step of eta "
                "along -sign(gradient)",
                retired, 2),
    CAPE_COLUMN(log_line_2, float64, "1", "The same after a step of 2 eta",
                retired, 2),
    CAPE_COLUMN(log_line_4, float64, "1", "The same after a step of 4 eta",
                retired, 2),
    CAPE_COLUMN(train_loss_0, float64, "loss",
                "The mean loss before the first update, in training mode "
                "without dropout",
                probe, 6),
    CAPE_COLUMN(train_mean_gradient2, float64, "1",
                "Squared norm of that loss's gradient", probe, 6),
    CAPE_COLUMN(train_gradient_l1, float64, "1",
                "Sum of the absolute values of that loss's gradient", probe, 6),
    CAPE_COLUMN(train_step_loss_1, float64, "1",
                "L / train_loss_0 after the optimizer's first step", probe, 6),
    CAPE_COLUMN(train_step_loss_2, float64, "1",
                "The same after a step twice as long", probe, 6),
    CAPE_COLUMN(train_step_loss_4, float64, "1",
                "The same after a step 4 times as long", probe, 6),
    CAPE_COLUMN(train_step_loss_8, float64, "1",
                "The same after a step 8 times as long", probe, 6),
    CAPE_COLUMN(probe_dropout, float64, "",
                "1: some dropout stayed on in the train_ columns; 0: none",
                probe, 6),
    CAPE_COLUMN(input_rms, float64, "1",
                "Root mean square of the inputs, as the network gets them",
                probe, 6),
    CAPE_COLUMN(effective_rank, float64, "1",
                "Effective rank of the batch minus its mean", probe, 6),
    CAPE_COLUMN(neighbour_agreement, float64, "1",
                "How often the nearest sample has the same label; 0: as by "
                "chance, 1: always",
                probe, 6),
    CAPE_COLUMN(constant_inputs, float64, "1",
                "Share of the input features that have one value in the batch",
                probe, 6),
    CAPE_COLUMN(weight_layers, float64, "", "Number of layers with a weight",
                probe, 6),
    CAPE_COLUMN(widest_layer, float64, "",
                "Outputs of the widest layer before the output layer", probe,
                6),
    CAPE_COLUMN(convolution_share, float64, "1",
                "Share of the parameters in weights of convolutions", probe, 6),
    CAPE_COLUMN(norm_parameters, float64, "1",
                "Share of the parameters in scales and shifts of norms", probe,
                6),
    CAPE_COLUMN(recurrent_weights, float64, "1",
                "Share of the parameters in weights of recurrent layers", probe,
                6),
    CAPE_COLUMN(dropout_rate, float64, "1",
                "The greatest rate of dropout; 0: no dropout", probe, 9),
    CAPE_COLUMN(set_agreement_100, float64, "1",
                "neighbour_agreement of up to 100 samples of a full_training",
                probe, 7),
    CAPE_COLUMN(set_agreement_400, float64, "1", "The same of up to 400", probe,
                7),
    CAPE_COLUMN(set_rank_400, float64, "1",
                "effective_rank of up to 400 samples of a full_training", probe,
                7),
    CAPE_COLUMN(set_kernel_training_0, float64, "1",
                "Loss of a kernel regression on the half that it learns of up "
                "to 800 samples, over that of the mean, at time e^0",
                probe, 8),
    CAPE_COLUMN(set_kernel_training_2, float64, "1", "The same at time e^2",
                probe, 8),
    CAPE_COLUMN(set_kernel_training_4, float64, "1", "The same at time e^4",
                probe, 8),
    CAPE_COLUMN(set_kernel_training_6, float64, "1", "The same at time e^6",
                probe, 8),
    CAPE_COLUMN(set_kernel_training_8, float64, "1", "The same at time e^8",
                probe, 8),
    CAPE_COLUMN(set_kernel_held_out_0, float64, "1",
                "Loss of a kernel regression on the other half of up to 800 "
                "samples, over that of the mean, at time e^0",
                probe, 8),
    CAPE_COLUMN(set_kernel_held_out_2, float64, "1", "The same at time e^2",
                probe, 8),
    CAPE_COLUMN(set_kernel_held_out_4, float64, "1", "The same at time e^4",
                probe, 8),
    CAPE_COLUMN(set_kernel_held_out_6, float64, "1", "The same at time e^6",
                probe, 8),
    CAPE_COLUMN(set_kernel_held_out_8, float64, "1", "The same at time e^8",
                probe, 8),
    CAPE_COLUMN(initial_loss, float64, "loss",
                "L_0, the training loss before the first update", content, 1),
    CAPE_COLUMN(
        final_loss, float64, "loss",
        "The loss after steps_run updates; early_stopping: the validation loss",
        content, 1),
    CAPE_COLUMN(
        t_star, int32, "steps",
        "Steps until the criterion was met; censored: the cap max_steps",
        content, 1),
    CAPE_COLUMN(
        converged, boolean, "",
        "Whether the row's criterion was met; otherwise the row is censored",
        content, 1),
    CAPE_COLUMN(stop_reason, text, "",
                "converged, plateau, max_steps, max_epochs or non_finite",
                content, 1),
    CAPE_COLUMN(steps_run, int32, "steps",
                "The t of final_loss: t_star, or the last t when censored",
                content, 1),
    CAPE_COLUMN(steps_per_epoch, int32, "steps",
                "Of a full_training; otherwise 0", content, 7),
    CAPE_COLUMN(epochs, float64, "epochs",
                "steps_run / steps_per_epoch of a full_training", content, 7),
    CAPE_COLUMN(best_epoch, int32, "epochs",
                "The epoch of the best validation loss, from 1; early_stopping "
                "alone",
                content, 7),
    CAPE_COLUMN(validation_loss, float64, "loss",
                "The validation loss after best_epoch", content, 7),
    CAPE_COLUMN(validation_accuracy, float64, "1",
                "Share of right labels after best_epoch; regression: R^2",
                content, 7),
    CAPE_COLUMN(samples_available, int64, "samples",
                "Training samples at hand, of which the batch was drawn",
                content, 1),
    CAPE_COLUMN(seed, uint64, "", "Seed of everything random in the trajectory",
                content, 1),
    CAPE_COLUMN(optimizer, text, "", "adamw, adam or sgd", content, 5),
    CAPE_COLUMN(optimizer_json, text, "",
                "The optimizer's settings but for weight_decay, as JSON",
                content, 5),
    CAPE_COLUMN(weight_decay, float64, "1",
                "Of the optimizer: decoupled (adamw) or added to the gradient",
                content, 5),
    CAPE_COLUMN(max_steps, int32, "steps",
                "The cap on t_star; batch_steps looks at the losses L_0 to "
                "L_(max_steps - 1)",
                content, 5),
    CAPE_COLUMN(plateau_window, int32, "losses",
                "Losses that the plateau rule compares, the newest included",
                content, 5),
    CAPE_COLUMN(
        plateau_tolerance, float64, "1",
        "Relative improvement over the window below which training ends",
        content, 5),
    CAPE_COLUMN(max_epochs, int32, "epochs",
                "The cap of a full_training; otherwise 0", content, 7),
    CAPE_COLUMN(validation_samples, int64, "samples",
                "Samples of the validation part, which are never trained on",
                content, 7),
    CAPE_COLUMN(
        revision, int32, "",
        "Number of the corrections that changed t_star of this kind of network",
        content, 5),
    CAPE_COLUMN(probe_version, int32, "",
                "Version of the probe that the features come from", probe, 5),
    CAPE_COLUMN(probe_seconds, float64, "s", "Wall time of the probe", timing,
                1),
    CAPE_COLUMN(step_seconds, float64, "s",
                "Wall time of a training step, the mean", timing, 1),
    CAPE_COLUMN(evaluation_seconds, float64, "s",
                "Wall time of an evaluation of the validation part, the mean",
                timing, 7),
    CAPE_COLUMN(device, text, "", "What trained: cpu, cuda:0", timing, 1),
    CAPE_COLUMN(threads, int32, "", "CPU threads of the trainer", timing, 1),
    CAPE_COLUMN(curve_offset, int64, "losses",
                "Where L_0 of the trajectory is in /curves/loss", timing, 1),
    CAPE_COLUMN(curve_length, int64, "losses",
                "Losses of the trajectory in /curves/loss; 0: not kept", timing,
                1),
    CAPE_COLUMN(validation_offset, int64, "losses",
                "Where its validation losses are in /curves/loss", timing, 7),
    CAPE_COLUMN(validation_length, int64, "losses",
                "Validation losses in /curves/loss, one an epoch", timing, 7),
};

#undef CAPE_COLUMN

int compare(const Row& a, const Row& b, const Column& column) {
  if (column.type == ColumnType::text) {
    return text_at(a, column).compare(text_at(b, column));
  }
  return std::memcmp(bytes_at(a, column).data(), bytes_at(b, column).data(),
                     column.size);
}

}  // namespace

Key& Key::assign(std::string_view text) {
  if (text.size() > digits.size()) {
    fail("'{}' has {} bytes, a key has at most {}", text, text.size(),
         digits.size());
  }
  check_text(text);
  std::ranges::fill(std::ranges::copy(text, digits.begin()).out, digits.end(),
                    '\0');
  return *this;
}

std::string_view Key::view() const {
  return {digits.data(), static_cast<std::size_t>(
                             std::ranges::find(digits, '\0') - digits.begin())};
}

std::span<const Column> columns() { return kColumns; }

std::span<const char> bytes_at(const Row& row, const Column& column) {
  return {reinterpret_cast<const char*>(&row) + column.offset, column.size};
}

std::string_view text_at(const Row& row, const Column& column) {
  const char* at = bytes_at(row, column).data();
  if (column.type == ColumnType::key) {
    return reinterpret_cast<const Key*>(at)->view();
  }
  return reinterpret_cast<const Text*>(at)->view();
}

int compare_content(const Row& a, const Row& b) {
  const bool same_probe = a.probe_version == b.probe_version;
  for (const Column& column : columns()) {
    if (column.is_volatile()) continue;
    if (column.stability == Stability::probe && !same_probe) continue;
    const int order = compare(a, b, column);
    if (order != 0) return order;
  }
  return 0;
}

}  // namespace cape::shard
