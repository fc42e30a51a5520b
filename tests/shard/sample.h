/// Rows, files and folders for the tests of this folder.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "shard/reader.h"
#include "shard/writer.h"

namespace cape::shard {

/// A row whose columns all have values of their own, different for each
/// number; missing numbers among them.
inline Row sample_row(int number) {
  Row row;
  row.key = content_hash("key " + std::to_string(number));
  row.trajectory = content_hash("trajectory " + std::to_string(number));
  row.family = "mlp";
  row.architecture = "mlp_2x" + std::to_string(128 << (number % 3));
  row.architecture_json = R"({"family":"mlp","note":"größer, \"ja\""})";
  row.dataset = number % 2 == 0 ? "mnist" : "fashion_mnist";
  row.variant = R"({"classes":5})";
  row.label_noise = 0.125 * number;
  row.lowres = 1 + number;
  row.inverted = number % 3 == 1;
  row.input_scale = 1 + 0.1 * number;
  row.input_noise = 0.01 * number;
  row.task = "classification";
  row.target = number % 2 == 0 ? "full_training" : "batch_steps";
  row.criterion = number % 3 == 0 ? "early_stopping" : "epsilon";
  row.learning_rate = 5e-4 * (1 + number % 3);
  row.batch_size = 32 << (number % 2);
  row.epsilon = 0.1 + 0.05 * (number % 3);
  row.patience = 4 + number;
  row.min_delta = 2e-4 * number;
  row.samples = 2000 + number;
  row.trial = number;
  row.log_p = 12.5 + number / 7.0;
  row.log_g2 = -3.25e-7 * number;
  row.log_tau = number % 5 == 4 ? Row::kMissing : 1.0 / (number + 3);
  row.log_n = std::log(60000);
  row.log_lr = std::log(row.learning_rate);
  row.log_b = std::log(row.batch_size);
  row.classes = 10 + number;
  row.input_size = 784 + number;
  row.probe_loss = 2.2 + 0.01 * number;
  row.log_mean_g2 = -1.0 / (number + 1);
  row.label_entropy = number % 3 == 0 ? Row::kMissing : 2.1;
  row.logit_spread = 0.3 + number / 9.0;
  row.log_line_1 = -0.1 * number;
  row.log_line_2 = -0.2 * number;
  row.log_line_4 = 0.4 * number;
  row.train_loss_0 = 1 + number / 3.0;
  row.train_mean_gradient2 = 2 + number / 4.0;
  row.train_gradient_l1 = 3 + number / 5.0;
  row.train_step_loss_1 = 4 + number / 6.0;
  row.train_step_loss_2 = 5 + number / 7.0;
  row.train_step_loss_4 = 6 + number / 8.0;
  row.train_step_loss_8 = 7 + number / 9.0;
  row.probe_dropout = 8 + number / 10.0;
  row.input_rms = 9 + number / 11.0;
  row.effective_rank = number % 4 == 1 ? Row::kMissing : number + 0.5;
  row.neighbour_agreement = 11 + number / 13.0;
  row.constant_inputs = 12 + number / 14.0;
  row.weight_layers = 13 + number / 15.0;
  row.widest_layer = 14 + number / 16.0;
  row.convolution_share = 15 + number / 17.0;
  row.norm_parameters = 16 + number / 18.0;
  row.recurrent_weights = 17 + number / 19.0;
  row.dropout_rate = 0.5 + number / 64.0;
  row.set_agreement_100 = 18 + number / 20.0;
  row.set_agreement_400 = 19 + number / 21.0;
  row.set_rank_400 = 20 + number / 22.0;
  row.initial_loss = 2.3 + 0.01 * number;
  row.final_loss = 0.2 + 1e-9 * number;
  row.t_star = 17 + number;
  row.converged = number % 4 != 3;
  row.stop_reason = row.converged ? "converged" : "plateau";
  row.steps_run = 18 + number;
  row.steps_per_epoch = 30 + number;
  row.epochs = 3 + number / 23.0;
  row.best_epoch = 40 + number;
  row.validation_loss = number % 4 == 2 ? Row::kMissing : 0.1 * number;
  row.validation_accuracy = 0.9 - 0.01 * number;
  row.samples_available = 1000 + number;
  row.seed = 0xFEDCBA9876543210U - static_cast<unsigned>(number);
  row.optimizer = number % 2 == 0 ? "sgd" : "adam";
  row.optimizer_json = R"({"kind":"sgd","momentum":0.5})";
  row.weight_decay = 0.001 * number;
  row.max_steps = 100 + number;
  row.plateau_window = 20 + number;
  row.plateau_tolerance = 1e-5 * number;
  row.max_epochs = 50 + number;
  row.validation_samples = 600 + number;
  row.revision = 1 + number;
  row.probe_version = 2 + number % 2;
  row.probe_seconds = 0.5 / (number + 1);
  row.step_seconds = number % 2 == 0 ? Row::kMissing : 0.001;
  row.evaluation_seconds = 0.25 / (number + 2);
  row.device = "cpu";
  row.threads = 1;
  return row;
}

inline std::vector<Row> sample_rows(int first, int count) {
  std::vector<Row> rows;
  rows.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) rows.push_back(sample_row(first + i));
  return rows;
}

inline Provenance sample_provenance() {
  return {{{"host", "tüx"}, {"protocol_version", "1"}},
          "name: sample\nseed: 42\n"};
}

inline std::string bytes_of(const Row& row, const Column& column) {
  if (column.type == ColumnType::text) {
    return std::string(text_at(row, column));
  }
  const auto bytes = bytes_at(row, column);
  return {bytes.begin(), bytes.end()};
}

/// Expects equal bits in every column, of which only the named may differ.
inline void expect_same_row(const Row& a, const Row& b,
                            const std::vector<std::string_view>& except = {}) {
  for (const Column& column : columns()) {
    if (std::ranges::find(except, column.name) != except.end()) continue;
    EXPECT_EQ(bytes_of(a, column), bytes_of(b, column)) << column.name;
  }
}

inline std::vector<Row> rows_of(const std::filesystem::path& path) {
  std::vector<Row> rows;
  for_each_row(path, [&](const Row& row) { rows.push_back(row); });
  return rows;
}

inline void write_bytes(const std::filesystem::path& path,
                        std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Writes a shard with these rows and no curves.
inline void write_shard(const std::filesystem::path& path,
                        const std::vector<Row>& rows) {
  write_bytes(path, shard_image(rows, {}, sample_provenance()));
}

/// What the UserError that `body` throws says; a failure when there is none.
template <class Body>
std::string user_error_of(Body body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no UserError";
  return "";
}

/// A test with an empty folder of its own.
class ShardTest : public testing::Test {
 protected:
  ShardTest() {
    std::string name = testing::TempDir() + "cape_shard_XXXXXX";
    folder = ::mkdtemp(name.data());
  }
  ~ShardTest() override { std::filesystem::remove_all(folder); }

  std::filesystem::path folder;
};

/// What a shard says of its run but for when that ended.
inline Provenance provenance_but_end(const std::filesystem::path& path) {
  Provenance provenance = read_provenance(path);
  std::erase_if(provenance.attributes, [](const auto& attribute) {
    return attribute.first == "ended";
  });
  return provenance;
}

}  // namespace cape::shard
