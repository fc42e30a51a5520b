// How messages are cut out of what a trainer sends, whatever the pieces.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "trial/protocol.h"
#include "trial/sample.h"

namespace cape::trial {
namespace {

using nlohmann::json;

/// A hello, two results and a failure.
std::string conversation() {
  return encode(TrainerMessage(Hello{.torch = "2.11.0", .device = "cpu"})) +
         encode(TrainerMessage(sample_result())) +
         encode(TrainerMessage(sample_result())) +
         encode(TrainerMessage(Failure{"ab", "exception", "why"}));
}

/// The kinds of all messages that can be read now, as indices of the variant.
std::vector<std::size_t> drain(TrainerMessageReader& reader) {
  std::vector<std::size_t> kinds;
  while (const auto message = reader.next()) {
    kinds.push_back(message->index());
    if (const auto* result = std::get_if<TrialResult>(&*message)) {
      EXPECT_EQ(result->losses, sample_result().losses);
      EXPECT_EQ(result->outcomes, sample_result().outcomes);
    }
  }
  return kinds;
}

const std::vector<std::size_t> kKinds = {0, 1, 1, 2};

/// True when `bytes` are refused.
bool refuses(const std::string& bytes) {
  TrainerMessageReader reader;
  reader.append(bytes);
  try {
    (void)reader.next();
  } catch (const Error&) {
    return true;
  }
  return false;
}

/// The bytes of a result whose line says `length` for its curve.
std::string claiming(const json& length) {
  const std::string bytes = encode(TrainerMessage(sample_result()));
  json line = json::parse(bytes.substr(0, bytes.find('\n')));
  line["curve_length"] = length;
  return line.dump() + "\n";
}

TEST(TrainerMessageReader, ReadsSeveralMessagesFromOneChunk) {
  TrainerMessageReader reader;
  reader.append(conversation());
  EXPECT_EQ(drain(reader), kKinds);
}

TEST(TrainerMessageReader, ReadsMessagesSplitAtAnyByte) {
  const std::string bytes = conversation();
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    TrainerMessageReader reader;
    reader.append(bytes.substr(0, cut));
    std::vector<std::size_t> kinds = drain(reader);
    reader.append(bytes.substr(cut));
    for (const std::size_t kind : drain(reader)) kinds.push_back(kind);
    EXPECT_EQ(kinds, kKinds) << cut;
  }
}

TEST(TrainerMessageReader, HasAMessageOnceItsLastByteIsThere) {
  const std::string bytes = encode(TrainerMessage(sample_result()));
  TrainerMessageReader reader;
  for (const char byte : bytes.substr(0, bytes.size() - 1)) {
    reader.append({&byte, 1});
    EXPECT_TRUE(drain(reader).empty());
  }
  reader.append(bytes.substr(bytes.size() - 1));
  EXPECT_EQ(drain(reader).size(), 1U);
}

TEST(TrainerMessageReader, HasNothingBeforeAnythingArrived) {
  TrainerMessageReader reader;
  EXPECT_FALSE(reader.next().has_value());
}

TEST(TrainerMessageReader, RefusesLinesThatAreNotOfTheProtocol) {
  for (const char* line :
       {"\n", "garbage\n", "{}\n", "[]\n", "null\n", "3\n", "\"hello\"\n",
        "{\"hello\": 3}\n", "{\"hello\": {}}\n", "{\"result\": {}}\n",
        "{\"failure\": []}\n", "{\"hello\"\n", "\xff\xfe\n"}) {
    EXPECT_TRUE(refuses(line)) << line;
  }
  EXPECT_TRUE(refuses(std::string(100000, '[') + "\n"));
  const json hello = {{"protocol", "1"}, {"torch", ""}, {"device", ""}};
  EXPECT_TRUE(refuses(json{{"hello", hello}}.dump() + "\n"));
}

TEST(TrainerMessageReader, RefusesAResultWithAnyKeyMissingOrOfAnotherType) {
  const json line = json::parse(claiming(0));
  for (const auto& [key, value] : line["result"].items()) {
    json missing = line, wrong = line;
    missing["result"].erase(key);
    wrong["result"][key] = value.is_array() ? json("x") : json::array({"x"});
    EXPECT_TRUE(refuses(missing.dump() + "\n")) << key;
    EXPECT_TRUE(refuses(wrong.dump() + "\n")) << key;
  }
  json unknown = line;
  unknown["result"]["outcomes"][0]["stop_reason"] = "tired";
  EXPECT_TRUE(refuses(unknown.dump() + "\n"));
  EXPECT_FALSE(refuses(line.dump() + "\n"));
}

TEST(TrainerMessageReader, RefusesACurveOfAnImpossibleLength) {
  for (const json& length :
       {json(-1), json(std::int64_t{1} << 40), json(INT64_MAX),
        json(UINT64_MAX), json("5"), json(nullptr)}) {
    EXPECT_TRUE(refuses(claiming(length))) << length;
  }
}

TEST(TrainerMessageReader, WaitsForALongCurveWithoutMakingRoomForIt) {
  TrainerMessageReader reader;
  reader.append(claiming(1 << 26));
  EXPECT_FALSE(reader.next().has_value());
}

TEST(TrainerMessageReader, RefusesALineThatDoesNotEnd) {
  EXPECT_FALSE(refuses(std::string(1 << 20, 'x')));
  EXPECT_TRUE(refuses(std::string((16 << 20) + 1, 'x')));
}

}  // namespace
}  // namespace cape::trial
