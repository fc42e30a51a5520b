// How long cape_fit takes to read many rows, and to fit its model on them.
//
//   bench_many_rows [ROWS, default 1000000]
//   bench_many_rows ROWS FOLDER && time cape_fit FOLDER --out MODEL
//
// With FOLDER the rows are only written there, for all that cape_fit does.
// The rows are made up: three epsilons a trajectory, a curve of 60 losses each,
// in shards of 5,000 rows. Prints seconds and the greatest memory use so far.

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/random.h"
#include "predictor/data/inputs.h"
#include "predictor/evaluation/comparison.h"
#include "predictor/models/model.h"
#include "shard/writer.h"

namespace cape::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kRowsAShard = 5000;
constexpr int kLosses = 60;

/// A row whose T* follows from its features and some noise.
shard::Row made_row(std::int64_t trajectory, double epsilon, Random& random) {
  shard::Row row;
  row.key = fmt::format("{:016x}{:016x}", trajectory,
                        static_cast<int>(1000 * epsilon));
  row.trajectory = fmt::format("{:032x}", trajectory);
  const auto width = 64 << (trajectory % 5);
  row.family = "mlp";
  row.architecture = fmt::format("mlp_2x{}", width);
  row.architecture_json = fmt::format(
      R"({{"family":"mlp","kind":"mlp","layers":2,"width":{}}})", width);
  row.dataset = trajectory % 2 == 0 ? "mnist" : "cifar10";
  row.learning_rate = 5e-4 * static_cast<double>(1 << (trajectory / 2 % 3));
  row.batch_size = 32 << (trajectory / 6 % 3);
  row.epsilon = epsilon;
  row.trial = trajectory / 18;
  row.log_p = std::log(1000.0 * width);
  row.log_g2 = 2 + random.uniform();
  row.log_tau = row.log_g2 + 0.1 * random.uniform();
  row.log_n = std::log(trajectory % 2 == 0 ? 60000 : 50000);
  row.log_lr = std::log(row.learning_rate);
  row.log_b = std::log(row.batch_size);
  row.classes = 10;
  row.input_size = trajectory % 2 == 0 ? 784 : 3072;
  row.probe_loss = 2.3 + random.uniform();
  row.t_star =
      1 +
      static_cast<std::int32_t>(
          std::exp(row.log_b - row.log_lr - row.log_g2 - 5 + random.uniform()) /
          epsilon);
  row.converged = true;
  return row;
}

void write_shards(std::int64_t rows, const fs::path& folder) {
  fs::create_directories(folder);
  Random random(1);
  std::int64_t trajectory = 0;
  for (std::int64_t written = 0; written < rows; written += kRowsAShard) {
    std::vector<shard::Row> shard;
    std::vector<float> losses;
    while (shard.size() < kRowsAShard) {
      for (const double epsilon : {0.1, 0.15, 0.2}) {
        shard.push_back(made_row(trajectory, epsilon, random));
        shard.back().curve_offset = std::ssize(losses);
        shard.back().curve_length = kLosses;
      }
      for (int t = 0; t < kLosses; ++t) {
        losses.push_back(std::exp(-0.05F * static_cast<float>(t)));
      }
      ++trajectory;
    }
    publish_file(folder / fmt::format("rows-{:06}.h5", written),
                 shard::shard_image(shard, losses, {}));
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

void print(const char* what, double seconds) {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print("{:10} {:6.1f} s, {:5} MB at most so far\n", what, seconds,
             usage.ru_maxrss / 1024);
}

int run(int argc, char** argv) {
  const std::int64_t rows = argc > 1 ? std::atoll(argv[1]) : 1'000'000;
  if (argc > 2) {
    write_shards(rows, argv[2]);
    return kExitDone;
  }
  const fs::path folder =
      fs::temp_directory_path() / fmt::format("many_rows_{}", ::getpid());
  write_shards(rows, folder);
  auto start = std::chrono::steady_clock::now();
  predictor::InputOptions options;
  options.inputs = {folder};
  const predictor::Inputs inputs =
      std::move(predictor::read_inputs(options).front());
  print("read", seconds_since(start));
  fs::remove_all(folder);
  start = std::chrono::steady_clock::now();
  const predictor::Model model = predictor::Model::fit(
      inputs.table, inputs.rows, predictor::features_for(inputs, "extended"),
      predictor::kept_settings(inputs, {}));
  print("fit", seconds_since(start));
  fmt::print("{} rows, {} trees\n", inputs.rows.size(),
             model.settings.booster.trees);
  return kExitDone;
}

}  // namespace
}  // namespace cape::bench

int main(int argc, char** argv) {
  return cape::guarded_main("bench_many_rows", cape::bench::run, argc, argv);
}
