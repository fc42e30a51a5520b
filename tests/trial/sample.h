/// Tasks and results in which no field has its default, and no number is round.
#pragma once

#include <cfloat>
#include <cmath>
#include <limits>

#include "trial/task.h"

namespace cape::trial {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

inline TrialTask sample_task() {
  return {
      .trajectory = "0123456789abcdef01234567000000ff",
      .architecture = zoo::Mlp{.layers = 3,
                               .width = 128,
                               .batch_norm = false,
                               .activation = zoo::Activation::relu,
                               .dropout = 0.1 + 0.2},
      .dataset = {.name = "mnist",
                  .directory = "/data/\"Zoë's\\ files\"\n",
                  .fingerprint = "f00d"},
      .learning_rate = 1.0 / 3,
      .batch_size = 33,
      .optimizer =
          Sgd{.momentum = 1.0 / 3, .nesterov = true, .weight_decay = DBL_MAX},
      .target = BatchSteps{.max_steps = 123,
                           .plateau_window = 45,
                           .plateau_tolerance = 5e-324,
                           .record_at_least = 67},
      .criteria = criteria_of({0.2, 0.1 + 0.2, std::nextafter(1.0, 0.0)}),
      .seed = 0xfedcba9876543210,
      .probe = {.extended = false},
      .timed_steps = 9};
}

inline TrialResult sample_result() {
  return {.trajectory = "0123456789abcdef01234567000000ff",
          .parameters = 1'806'538,
          .probe = {.g2 = 1.0 / 3,
                    .tau = 5e-324,
                    .extended =
                        ExtendedProbe{
                            .loss = 2.0 / 3,
                            .mean_g2 = 5e-324,
                            .label_entropy = 0.1 + 0.2,
                            .logit_spread = DBL_MAX,
                            .training_mode = {.loss = 4.0 / 3,
                                              .mean_g2 = 1e-300,
                                              .gradient_l1 = DBL_MAX,
                                              .step_losses = {0.7, 0.9, 1.1,
                                                              1e9 / 3},
                                              .dropout = 1},
                            .batch = {.input_rms = 1.0 / 7,
                                      .effective_rank = 3.3,
                                      .neighbour_agreement = -1.0 / 9,
                                      .constant_inputs = 5e-324},
                            .network = {.weight_layers = 3,
                                        .convolution_share = 0.3,
                                        .norm_parameters = 1e-3 / 3,
                                        .recurrent_weights = 0.9,
                                        .widest_layer = 129},
                            .dropout_rate = 0.7,
                            .set =
                                SetFeatures{.agreement_few = 0.1 + 0.7,
                                            .agreement_many = -1e-9 / 3,
                                            .rank_many = 77.7,
                                            .kernel_training = {0.9, 1.0 / 3,
                                                                0.1, 1e-9, 0},
                                            .kernel_held_out =
                                                {1.1, 0.5, 0.4, 0.6, 1e9}}}},
          .initial_loss = 2.302585092994046,
          .outcomes = {{.criterion = Epsilon{0.1 + 0.2},
                        .t_star = 7,
                        .stop_reason = StopReason::converged,
                        .steps_run = 6,
                        .final_loss = 0.7},
                       {.criterion = Epsilon{0.2},
                        .t_star = 5000,
                        .stop_reason = StopReason::plateau,
                        .steps_run = 4,
                        .final_loss = DBL_MAX},
                       {.criterion = EarlyStopping{7, 1e-4 / 3},
                        .t_star = 4321,
                        .stop_reason = StopReason::max_epochs,
                        .steps_run = 99,
                        .final_loss = 0.1 + 0.2,
                        .best = BestEpoch{3, {1.0 / 7, 0.9}}}},
          .probe_seconds = 0.1,
          .step_seconds = 1e-7,
          .device = "cuda:0",
          .threads = 3,
          .losses = {2.5F, 1.0F / 3, FLT_MIN, FLT_TRUE_MIN, -0.0F},
          .validation_losses = {1.5F, 1.0F / 7},
          .validation_scores = {0.25F, FLT_MIN},
          .evaluation_seconds = 1.0 / 3};
}

}  // namespace cape::trial
