#include "trainer/support.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "core/random.h"
#include "trainer/device.h"

namespace cape::trainer {
namespace {

/// As cape_trainer runs by default: only one thread is the same to the bit.
class OneThread : public testing::Environment {
 public:
  void SetUp() override { open_device("cpu", 1); }
};

[[maybe_unused]] const auto* const kOneThread =
    testing::AddGlobalTestEnvironment(new OneThread);

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

/// An IDX file: its magic number, its extents, its bytes.
void write_idx(const std::filesystem::path& path,
               const std::vector<std::uint32_t>& extents,
               const std::vector<std::uint8_t>& bytes) {
  std::ofstream out(path, std::ios::binary);
  out << big_endian(0x0800U + static_cast<std::uint32_t>(extents.size()));
  for (const std::uint32_t extent : extents) out << big_endian(extent);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

datasets::Dataset noise_dataset() {
  datasets::Dataset dataset;
  dataset.info = {.name = "mnist",
                  .shape = {1, 28, 28},
                  .classes = 10,
                  .samples = 200,
                  .train_size = 60000,
                  .fingerprint = {},
                  .directory = {}};
  dataset.mean = {0.1307};
  dataset.deviation = {0.3081};
  Random random(1);
  std::vector<std::uint8_t> labels;
  std::vector<std::uint8_t> pixels;
  for (std::int64_t i = 0; i < dataset.info.samples; ++i) {
    labels.push_back(static_cast<std::uint8_t>(random.below(10)));
    for (int pixel = 0; pixel < 28 * 28; ++pixel) {
      pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
    }
  }
  dataset.labels = datasets::Array::of(std::move(labels));
  dataset.inputs =
      datasets::Images{.blocks = {{.bytes = datasets::Bytes(std::move(pixels)),
                                   .stride = 28 * 28,
                                   .count = dataset.info.samples}}};
  return dataset;
}

void write_mnist(const datasets::Dataset& dataset,
                 const std::filesystem::path& directory) {
  const auto samples = static_cast<std::uint32_t>(dataset.info.samples);
  const datasets::Bytes& pixels =
      std::get<datasets::Images>(dataset.inputs).blocks.front().bytes;
  write_idx(directory / "train-images-idx3-ubyte", {samples, 28, 28},
            {pixels.begin(), pixels.end()});
  const datasets::Bytes& labels = dataset.labels.elements;
  write_idx(directory / "train-labels-idx1-ubyte", {samples},
            {labels.begin(), labels.end()});
}

trial::TrialTask small_task() {
  trial::TrialTask task;
  task.trajectory = std::string(32, 'a');
  task.architecture = zoo::Mlp{.layers = 2, .width = 32};
  task.learning_rate = 2e-3;
  task.batch_size = 16;
  task.criteria = trial::criteria_of({0.2, 0.1, 0.15});
  task.seed = 12345;
  std::get<trial::BatchSteps>(task.target).max_steps = 300;
  return task;
}

std::vector<trial::TrainerMessage> messages_in(std::string_view bytes) {
  trial::TrainerMessageReader reader;
  reader.append(bytes);
  std::vector<trial::TrainerMessage> messages;
  while (auto message = reader.next()) messages.push_back(*message);
  return messages;
}

void expect_same(const trial::TrialResult& a, const trial::TrialResult& b) {
  EXPECT_EQ(a.trajectory, b.trajectory);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_EQ(a.probe, b.probe);
  EXPECT_EQ(a.initial_loss, b.initial_loss);
  EXPECT_EQ(a.outcomes, b.outcomes);
  EXPECT_EQ(a.losses, b.losses);
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = testing::TempDir() + "/cape_trainer_XXXXXX";
  if (mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace cape::trainer
