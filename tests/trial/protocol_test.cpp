#include "trial/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "trial/sample.h"

namespace cape::trial {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<std::uint32_t> bits(const std::vector<float>& values) {
  std::vector<std::uint32_t> all;
  all.reserve(values.size());
  for (const float value : values) {
    all.push_back(std::bit_cast<std::uint32_t>(value));
  }
  return all;
}

void expect_equal(const TrialResult& a, const TrialResult& b) {
  EXPECT_EQ(a.trajectory, b.trajectory);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_EQ(a.probe, b.probe);
  EXPECT_EQ(a.initial_loss, b.initial_loss);
  EXPECT_EQ(a.outcomes, b.outcomes);
  EXPECT_EQ(a.probe_seconds, b.probe_seconds);
  EXPECT_EQ(a.step_seconds, b.step_seconds);
  EXPECT_EQ(a.device, b.device);
  EXPECT_EQ(a.threads, b.threads);
  EXPECT_EQ(bits(a.losses), bits(b.losses));
  EXPECT_EQ(bits(a.validation_losses), bits(b.validation_losses));
  EXPECT_EQ(bits(a.validation_scores), bits(b.validation_scores));
  EXPECT_EQ(a.evaluation_seconds, b.evaluation_seconds);
}

/// The only message in `bytes`.
TrainerMessage read_one(const std::string& bytes) {
  TrainerMessageReader reader;
  reader.append(bytes);
  const auto message = reader.next();
  EXPECT_TRUE(message.has_value());
  EXPECT_FALSE(reader.next().has_value());
  return message.value();
}

TrialResult read_result(const std::string& bytes) {
  return std::get<TrialResult>(read_one(bytes));
}

/// The line of a result, its curve apart.
json line_of(const TrialResult& result) {
  const std::string bytes = encode(TrainerMessage(result));
  return json::parse(bytes.substr(0, bytes.find('\n')));
}

TEST(TaskLine, ReadsBackEqualInEveryField) {
  EXPECT_EQ(decode_task(encode(sample_task())), sample_task());
  TrialTask own = sample_task();
  own.dataset.user = datasets::UserDataset{.format = "npy",
                                           .x = "/a/x.npy",
                                           .y = "/a/y.npy",
                                           .task = datasets::Task::sequence,
                                           .classes = 3,
                                           .mean = {1.0 / 3},
                                           .deviation = {5e-324},
                                           .train_size = 9};
  EXPECT_EQ(decode_task(encode(own)), own);
}

TEST(TaskLine, ReadsBackEqualForEveryFamily) {
  TrialTask task = sample_task();
  task.architecture = zoo::Vit{.depth = 2};
  EXPECT_EQ(decode_task(encode(task)), task);
}

TEST(TaskLine, ReadsBackEqualForAWholeTraining) {
  TrialTask task = sample_task();
  task.target = FullTraining{.max_epochs = 123,
                             .patience = 4,
                             .min_delta = 1.0 / 3,
                             .validation_samples = 456,
                             .stop_after = 32,
                             .samples = 7890,
                             .split_seed = 0xfedcba9876543210};
  task.criteria = {Epsilon{0.25}, EarlyStopping{4, 1.0 / 3}};
  EXPECT_EQ(decode_task(encode(task)), task);
}

TEST(TaskLine, IsOneLine) {
  const std::string line = encode(sample_task());
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(TaskLine, MissingAnyKeyIsRefused) {
  const json whole = json::parse(encode(sample_task()));
  for (const auto& [key, value] : whole["task"].items()) {
    json rest = whole;
    rest["task"].erase(key);
    EXPECT_THROW(decode_task(rest.dump()), Error) << key;
  }
  for (const auto& [key, value] : whole["task"]["target"].items()) {
    json rest = whole;
    rest["task"]["target"].erase(key);
    EXPECT_THROW(decode_task(rest.dump()), Error) << key;
  }
}

TEST(TaskLine, WithAValueOfAnotherTypeIsRefused) {
  const json whole = json::parse(encode(sample_task()));
  for (const auto& [key, value] : whole["task"].items()) {
    json wrong = whole;
    wrong["task"][key] = value.is_array() ? json("x") : json::array({"x"});
    EXPECT_THROW(decode_task(wrong.dump()), Error) << key;
  }
}

TEST(TaskLine, RefusesWholeNumbersThatAreNone) {
  const json whole = json::parse(encode(sample_task()));
  for (const char* key : {"batch_size", "seed", "timed_steps"}) {
    for (const double number : {1e300, -1e19, 0.5}) {
      json wrong = whole;
      wrong["task"][key] = number;
      EXPECT_THROW(decode_task(wrong.dump()), Error) << key << " " << number;
    }
  }
  for (const char* key : {"classes", "lowres"}) {
    json wrong = whole;
    wrong["task"]["dataset"]["variant"][key] = 1e300;
    EXPECT_THROW(decode_task(wrong.dump()), Error) << key;
  }
}

TEST(TaskLine, RefusesWhatIsNone) {
  for (const char* line : {"", "{}", "[]", "null", "3", "{\"task\": 3}",
                           "{\"hello\": {}}", "task", "{\"task\":", "\xff"}) {
    EXPECT_THROW(decode_task(line), Error) << line;
  }
}

TEST(ResultLine, ReadsBackEqualInEveryField) {
  expect_equal(read_result(encode(TrainerMessage(sample_result()))),
               sample_result());
}

TEST(ResultLine, SaysEveryStopReason) {
  for (const StopReason reason :
       {StopReason::converged, StopReason::plateau, StopReason::max_steps,
        StopReason::max_epochs, StopReason::non_finite}) {
    TrialResult result = sample_result();
    result.outcomes[0].stop_reason = reason;
    EXPECT_EQ(
        read_result(encode(TrainerMessage(result))).outcomes[0].stop_reason,
        reason);
    EXPECT_EQ(parse_enum<StopReason>(to_string(reason)), reason);
  }
}

TEST(ResultLine, HasNullForNumbersThatAreNotFinite) {
  for (const double odd : {kNan, kInfinity, -kInfinity}) {
    TrialResult result = sample_result();
    result.probe.g2 = result.probe.tau = result.probe.extended->loss = odd;
    result.initial_loss = odd;
    result.outcomes[0].final_loss = odd;
    result.step_seconds = odd;
    const json line = line_of(result)["result"];
    for (const char* key : {"initial_loss", "step_seconds"}) {
      EXPECT_TRUE(line[key].is_null()) << key;
    }
    EXPECT_TRUE(line["probe"]["g2"].is_null());
    EXPECT_TRUE(line["probe"]["tau"].is_null());
    EXPECT_TRUE(line["probe"]["extended"]["loss"].is_null());
    const TrialResult read = read_result(encode(TrainerMessage(result)));
    EXPECT_TRUE(std::isnan(read.probe.g2));
    EXPECT_TRUE(std::isnan(read.probe.tau));
    EXPECT_TRUE(std::isnan(read.probe.extended->loss));
    EXPECT_TRUE(std::isnan(read.initial_loss));
    EXPECT_TRUE(std::isnan(read.outcomes[0].final_loss));
    EXPECT_TRUE(std::isnan(read.step_seconds));
    EXPECT_EQ(read.outcomes[1], result.outcomes[1]);
  }
}

TEST(ResultLine, CarriesACurveThatIsNotFiniteBitForBit) {
  TrialResult result = sample_result();
  result.losses = {2.5F, std::numeric_limits<float>::quiet_NaN(),
                   std::numeric_limits<float>::infinity(),
                   std::bit_cast<float>(0x0A0A0A0AU),  // four line ends
                   std::bit_cast<float>(0x7F800001U)};
  expect_equal(read_result(encode(TrainerMessage(result))), result);
}

TEST(ResultLine, RefusesWholeNumbersThatAreNone) {
  for (const char* key : {"parameters", "threads"}) {
    json wrong = line_of(sample_result());
    wrong["result"][key] = 1e300;
    EXPECT_THROW(read_one(wrong.dump() + "\n"), Error) << key;
  }
  json wrong = line_of(sample_result());
  wrong["curve_length"] = 1e300;
  EXPECT_THROW(read_one(wrong.dump() + "\n"), Error);
}

TEST(ResultLine, MayHaveNoCurve) {
  TrialResult result = sample_result();
  result.losses.clear();
  expect_equal(read_result(encode(TrainerMessage(result))), result);
}

TEST(HelloLine, ReadsBackEqual) {
  const Hello hello{.protocol = 7, .torch = "2.11.0+cpu", .device = "cuda:1"};
  const auto read = std::get<Hello>(read_one(encode(TrainerMessage(hello))));
  EXPECT_EQ(read.protocol, 7);
  EXPECT_EQ(read.torch, "2.11.0+cpu");
  EXPECT_EQ(read.device, "cuda:1");
}

TEST(FailureLine, ReadsBackEqual) {
  const Failure failure{
      .trajectory = "ab", .kind = "exception", .message = "two\nlines: \"é\""};
  const std::string line = encode(TrainerMessage(failure));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto read = std::get<Failure>(read_one(line));
  EXPECT_EQ(read.trajectory, "ab");
  EXPECT_EQ(read.kind, "exception");
  EXPECT_EQ(read.message, "two\nlines: \"é\"");
}

TEST(FailureLine, ReplacesWhatIsNotUtf8) {
  const Failure failure{
      .trajectory = "ab", .kind = "exception", .message = "bad \xff\xfe byte"};
  const auto read =
      std::get<Failure>(read_one(encode(TrainerMessage(failure))));
  EXPECT_THAT(read.message, AllOf(HasSubstr("bad \uFFFD"), EndsWith(" byte"),
                                  Not(HasSubstr("\xff"))));
}

}  // namespace
}  // namespace cape::trial
