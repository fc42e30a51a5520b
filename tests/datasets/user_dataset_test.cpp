// Data of the user's own: every format, every task, and what is refused.
#include "datasets/user_dataset.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "core/error.h"
#include "datasets/batch.h"
#include "datasets/npy.h"
#include "support.h"

/// HDF5 leaks some of what it has read when the rest is damaged.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

namespace cape::datasets {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;

const char* const kHdf5 = CAPE_FIXTURES "/datasets/own.h5";

template <class T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()),
          values.size() * sizeof(T)};
}

/// A .npy file of version 1, as numpy pads it.
std::string npy(const std::string& descr, const std::string& shape,
                const std::string& elements,
                const std::string& fortran_order = "False") {
  std::string header = "{'descr': '" + descr +
                       "', 'fortran_order': " + fortran_order +
                       ", 'shape': " + shape + ", }";
  header.resize((10 + header.size() + 64) / 64 * 64 - 11, ' ');
  header += '\n';
  return std::string("\x93NUMPY\1\0", 8) +
         static_cast<char>(header.size() % 256) +
         static_cast<char>(header.size() / 256) + header + elements;
}

class UserDatasetTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& bytes) {
    write_file(folder_.path() / name, bytes);
    return folder_.path() / name;
  }

  /// Three vectors of two features, one of which never changes.
  UserDataset vectors() {
    return {
        .format = "npy",
        .x = write("x.npy",
                   npy("<f4", "(3, 2)", raw<float>({1, 7, 2, 7, 6, 7}))),
        .y = write("y.npy", npy("<i8", "(3,)", raw<std::int64_t>({0, 2, 1})))};
  }

  /// The message for `own`, which cannot be opened.
  static std::string error_message(const UserDataset& own) {
    return user_error([&] { open_user_dataset("mine", own); });
  }

  /// The same for other labels of vectors().
  std::string labels_refused(Task task, const std::string& y,
                             std::int64_t classes = 0) {
    UserDataset own = vectors();
    own.task = task;
    own.classes = classes;
    write("y.npy", y);
    return error_message(own);
  }

  TemporaryFolder folder_;
};

Batch all_of(const Dataset& dataset, const BatchForm& form = {}) {
  std::vector<std::int64_t> indices(dataset.info.samples);
  for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = i;
  return make_batch(dataset, indices, form);
}

TEST_F(UserDatasetTest, IsStandardisedAFeature) {
  const Dataset dataset = open_user_dataset("mine", vectors());
  EXPECT_EQ(dataset.info.name, "mine");
  EXPECT_THAT(dataset.info.shape, ElementsAre(2));
  EXPECT_EQ(dataset.info.samples, 3);
  EXPECT_EQ(dataset.info.train_size, 3);
  EXPECT_EQ(dataset.info.classes, 3);
  EXPECT_FALSE(dataset.info.images);
  EXPECT_THAT(dataset.mean, ElementsAre(3, 7));
  EXPECT_THAT(dataset.deviation, ElementsAre(std::sqrt(14.0 / 3), 1));
  const Batch batch = all_of(dataset, {.rgb32 = true, .standardise = false});
  EXPECT_THAT(batch.shape, ElementsAre(3, 2));
  const auto deviation = static_cast<float>(std::sqrt(14.0 / 3));
  EXPECT_THAT(batch.inputs,
              ElementsAre(FloatEq(-2 / deviation), 0, FloatEq(-1 / deviation),
                          0, FloatEq(3 / deviation), 0));
  EXPECT_THAT(batch.labels, ElementsAre(0, 2, 1));
}

TEST_F(UserDatasetTest, TakesWhatTheUserSaysOfIt) {
  UserDataset own = vectors();
  own.classes = 5;
  own.train_size = 1000;
  own.mean = {1};  // for both features
  own.deviation = {2, 4};
  const Dataset dataset = open_user_dataset("mine", own);
  EXPECT_EQ(dataset.info.classes, 5);
  EXPECT_EQ(dataset.info.train_size, 1000);
  EXPECT_THAT(all_of(dataset).inputs,
              ElementsAre(0, 1.5F, 0.5F, 1.5F, 2.5F, 1.5F));
  own.mean = {1, 2, 3};
  EXPECT_THAT(error_message(own), HasSubstr("gives 3 numbers"));
}

TEST_F(UserDatasetTest, HasAFingerprintOfAllThatChangesARow) {
  const UserDataset own = vectors();
  const auto fingerprint = [](const UserDataset& changed) {
    return open_user_dataset("mine", changed).info.fingerprint;
  };
  const std::string usual = fingerprint(own);
  UserDataset other = own;
  other.train_size = 7;  // a part of the key itself
  EXPECT_EQ(fingerprint(other), usual);
  other = own;
  other.classes = 4;
  EXPECT_NE(fingerprint(other), usual);
  other = own;
  other.mean = {1};
  EXPECT_NE(fingerprint(other), usual);
  other = own;
  other.task = Task::regression;
  EXPECT_NE(fingerprint(other), usual);
  write("y.npy", npy("<i8", "(3,)", raw<std::int64_t>({0, 2, 2})));
  EXPECT_NE(fingerprint(own), usual);
}

TEST_F(UserDatasetTest, BytesOfThreeDimensionsAreImages) {
  UserDataset own = vectors();
  write(
      "x.npy",
      npy("|u1", "(3, 1, 2, 2)",
          raw<std::uint8_t>({0, 0, 0, 0, 255, 255, 255, 255, 0, 255, 0, 255})));
  const Dataset dataset = open_user_dataset("mine", own);
  EXPECT_TRUE(dataset.info.images);
  EXPECT_THAT(dataset.mean, ElementsAre(0.5));
  EXPECT_THAT(dataset.deviation, ElementsAre(0.5));
  EXPECT_EQ(all_of(dataset).inputs[4], 1.0F);
  EXPECT_THAT(all_of(dataset, {.rgb32 = true}).shape,
              ElementsAre(3, 3, 32, 32));
  EXPECT_EQ(all_of(dataset, {.standardise = false}).inputs[4], 1.0F);
}

TEST_F(UserDatasetTest, PlanesOfNumbersAreResizedAsBytesAre) {
  std::vector<std::uint8_t> bytes(2UL * 3 * 8 * 9);
  std::vector<float> floats;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * i * 37 % 256);
    floats.push_back(static_cast<float>(bytes[i]) / 255.0F);
  }
  UserDataset own = vectors();
  own.mean = {0.5};
  own.deviation = {0.25};
  write("y.npy", npy("<i8", "(2,)", raw<std::int64_t>({0, 1})));
  write("x.npy", npy("|u1", "(2, 3, 8, 9)", raw(bytes)));
  const Batch of_bytes =
      all_of(open_user_dataset("mine", own), {.rgb32 = true});
  write("x.npy", npy("<f4", "(2, 3, 8, 9)", raw(floats)));
  const Batch of_floats =
      all_of(open_user_dataset("mine", own), {.rgb32 = true});
  ASSERT_EQ(of_floats.inputs.size(), of_bytes.inputs.size());
  for (std::size_t i = 0; i < of_bytes.inputs.size(); ++i) {
    // Each of two passes rounds a byte.
    EXPECT_NEAR(of_floats.inputs[i], of_bytes.inputs[i], 4.1 / 255);
  }
}

TEST_F(UserDatasetTest, TheTargetsOfARegressionAreStandardised) {
  UserDataset own = vectors();
  own.task = Task::regression;
  for (const char* shape : {"(3,)", "(3, 1)"}) {
    write("y.npy", npy("<f8", shape, raw<double>({10, 20, 60})));
    const Dataset dataset = open_user_dataset("mine", own);
    EXPECT_EQ(dataset.info.classes, 0);
    const Batch batch = all_of(dataset);
    EXPECT_TRUE(batch.labels.empty());
    const auto deviation = static_cast<float>(std::sqrt(1400.0 / 3));
    EXPECT_THAT(batch.targets,
                ElementsAre(FloatEq(-20 / deviation), FloatEq(-10 / deviation),
                            FloatEq(30 / deviation)));
  }
}

TEST_F(UserDatasetTest, AMultilabelTaskHasARowOfZerosAndOnes) {
  UserDataset own = vectors();
  own.task = Task::multilabel;
  write("y.npy", npy("|b1", "(3, 2)", raw<std::uint8_t>({1, 0, 1, 1, 0, 0})));
  const Dataset dataset = open_user_dataset("mine", own);
  EXPECT_EQ(dataset.info.classes, 2);
  EXPECT_THAT(all_of(dataset).targets, ElementsAre(1, 0, 1, 1, 0, 0));
}

TEST_F(UserDatasetTest, ASequenceHasALabelAStep) {
  UserDataset own = vectors();
  own.task = Task::sequence;
  write("x.npy",
        npy("<i2", "(2, 3, 1)", raw<std::int16_t>({-3, -2, -1, 1, 2, 3})));
  write("y.npy",
        npy("<u2", "(2, 3)", raw<std::uint16_t>({0, 1, 2, 300, 0, 1})));
  const Dataset dataset = open_user_dataset("mine", own);
  EXPECT_EQ(dataset.info.classes, 301);
  EXPECT_THAT(dataset.info.shape, ElementsAre(3, 1));
  const Batch batch = all_of(dataset);
  EXPECT_THAT(batch.labels, ElementsAre(0, 1, 2, 300, 0, 1));
  EXPECT_EQ(batch.inputs[0], -batch.inputs[5]);
  write("x.npy", npy("<i2", "(2, 3)", raw<std::int16_t>({1, 2, 3, 4, 5, 6})));
  EXPECT_THAT(error_message(own), HasSubstr("sequence task are [N, T, D]"));
}

TEST_F(UserDatasetTest, IdxFilesOfBytesAreGreyImages) {
  UserDataset own{
      .format = "idx",
      .x = write("images-idx3-ubyte", idx({2, 2, 3}, "abcdefghijkl")),
      .y = write("labels-idx1-ubyte", idx({2}, {0, 1}))};
  const Dataset dataset = open_user_dataset("mine", own);
  EXPECT_TRUE(dataset.info.images);
  EXPECT_THAT(dataset.info.shape, ElementsAre(1, 2, 3));
  EXPECT_EQ(pixels_of(dataset)[11], 'l');
  own.x =
      write("floats", {0,      0,      13, 2, 0,      0, 0, 2, 0, 0, 0, 1,  //
                       '\x3f', '\x80', 0,  0, '\x40', 0, 0, 0});
  EXPECT_THAT(open_user_dataset("mine", own).mean, ElementsAre(1.5));
}

TEST_F(UserDatasetTest, Hdf5ArraysAreTheSameHoweverTheyLie) {
  const std::string file = kHdf5;
  UserDataset own{
      .format = "hdf5", .x = file + ":/plain/x", .y = file + ":/plain/y"};
  const Batch plain = all_of(open_user_dataset("mine", own));
  EXPECT_THAT(plain.shape, ElementsAre(6, 4));
  EXPECT_THAT(plain.labels, ElementsAre(0, 1, 2, 0, 1, 2));
  for (const char* name : {":/big_endian", ":/packed"}) {
    own.x = file + name;
    EXPECT_EQ(all_of(open_user_dataset("mine", own)).inputs, plain.inputs)
        << name;
  }
  own.x = file + ":/missing";
  EXPECT_THAT(error_message(own),
              HasSubstr("own.h5:/missing: HDF5 cannot open"));
  own.x = file + ":/text";
  EXPECT_THAT(error_message(own), HasSubstr("its elements are not taken"));
  own.x = file;
  EXPECT_THAT(error_message(own), HasSubstr("Give FILE:/NAME"));
  own.x = vectors().x + ":/x";
  EXPECT_THAT(error_message(own), HasSubstr("x.npy:/x: HDF5 cannot open"));
}

TEST_F(UserDatasetTest, Hdf5FilesThatAreCutShortAreRefused) {
  const std::string whole = read_file(kHdf5);
  UserDataset own = vectors();
  own.format = "hdf5";
  own.x = write("cut.h5", whole.substr(0, whole.size() / 2)) + ":/plain/x";
  EXPECT_THAT(error_message(own), HasSubstr("cut.h5:/plain/x"));
}

TEST_F(UserDatasetTest, Hdf5FilesThatAreDamagedAreRefusedOrRead) {
  const std::string whole = read_file(kHdf5);
  UserDataset own{
      .format = "hdf5", .x = {}, .y = std::string(kHdf5) + ":/plain/y"};
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    std::string damaged = whole;
    for (int n = 0; n < 8; ++n) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    own.x = write("damaged.h5", damaged) + ":/packed";
    try {
      open_user_dataset("mine", own);
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), HasSubstr(".h5:/"));
    }
  }
}

TEST_F(UserDatasetTest, CifarRecordsHoldTheirLabels) {
  std::string bytes;
  for (const char label : {3, 0, 7}) {
    bytes += label + std::string(3 * 32 * 32, static_cast<char>(40 + label));
  }
  UserDataset own{
      .format = "cifar-bin", .x = write("some.bin", bytes), .y = ""};
  const Dataset dataset = open_user_dataset("mine", own);
  EXPECT_THAT(labels_of(dataset), ElementsAre(3, 0, 7));
  EXPECT_EQ(dataset.info.classes, 8);
  EXPECT_EQ(pixels_of(dataset).back(), 47);
  own.classes = 7;
  EXPECT_THAT(error_message(own), HasSubstr("label 7 at element 2"));
  write("some.bin", bytes.substr(1));
  EXPECT_THAT(error_message(own), HasSubstr("records of 3073 bytes"));
}

TEST_F(UserDatasetTest, SamplesThatCannotBeAreRefused) {
  UserDataset own = vectors();
  write("x.npy", npy("<f4", "(3,)", raw<float>({1, 2, 3})));
  EXPECT_THAT(error_message(own),
              HasSubstr("x.npy: an array of 3, but samples are"));
  write("x.npy", npy("<f4", "()", raw<float>({1})));
  EXPECT_THAT(error_message(own), HasSubstr("an array of one number"));
  write("x.npy", npy("<f4", "(0, 2)", ""));
  EXPECT_THAT(error_message(own), HasSubstr("an array of 0 x 2"));
  write("x.npy", npy("<f4", "(2, 2)", raw<float>({1, 2, 3, 4})));
  EXPECT_THAT(error_message(own),
              HasSubstr("y.npy: labels of 3 samples, but there are 2"));
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()}) {
    write("x.npy", npy("<f4", "(3, 2)", raw<float>({1, 2, 3, odd, 5, 6})));
    EXPECT_THAT(error_message(own), HasSubstr("x.npy: sample 1 holds "));
  }
  own.x = folder_.path() / "none.npy";
  EXPECT_THAT(error_message(own), HasSubstr("cannot read"));
  own.x = write("packed.npy", gzip("x"));
  EXPECT_THAT(error_message(own), HasSubstr("unpack it first"));
}

TEST_F(UserDatasetTest, LabelsThatDoNotFitTheTaskAreRefused) {
  using enum Task;
  EXPECT_THAT(labels_refused(classification,
                             npy("<f8", "(3,)", raw<double>({0, 1, 2}))),
              AllOf(HasSubstr("y.npy: labels of type float64"),
                    HasSubstr("task: regression")));
  EXPECT_THAT(
      labels_refused(classification,
                     npy("<i8", "(3,)", raw<std::int64_t>({0, 1, 3})), 3),
      HasSubstr("label 3 at element 2, but labels are 0 to 2"));
  EXPECT_THAT(labels_refused(classification,
                             npy("<i8", "(3,)", raw<std::int64_t>({0, -1, 2}))),
              HasSubstr("label -1 at element 1"));
  EXPECT_THAT(labels_refused(classification,
                             npy("<i8", "(3,)", raw<std::int64_t>({0, 0, 0}))),
              HasSubstr("all labels are 0"));
  EXPECT_THAT(
      labels_refused(classification,
                     npy("<i8", "(3,)", raw<std::int64_t>({0, 0, 0})), 1),
      AllOf(HasSubstr("classes: is 1"), HasSubstr("task: multilabel")));
  EXPECT_THAT(
      labels_refused(classification,
                     npy("|u1", "(3, 2)", std::string(6, '\0'))),
      HasSubstr("an array of 3 x 2, but the labels of a classification task"));
  EXPECT_THAT(
      labels_refused(multilabel, npy("|u1", "(3, 2)", {1, 0, 2, 0, 0, 1})),
      HasSubstr("2 at sample 1, label 0"));
  EXPECT_THAT(
      labels_refused(multilabel, npy("|u1", "(3, 2)", std::string(6, '\1')), 3),
      HasSubstr("multilabel task here are 3 x 3"));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(
      labels_refused(regression, npy("<f8", "(3,)", raw<double>({1, nan, 3}))),
      HasSubstr("target nan at sample 1"));
  EXPECT_THAT(
      labels_refused(regression, npy("<f8", "(3,)", raw<double>({2, 2, 2}))),
      HasSubstr("nothing to learn"));
}

TEST_F(UserDatasetTest, GoesThroughJson) {
  const UserDataset own{.format = "hdf5",
                        .x = "a:/b",
                        .y = "c:/d",
                        .task = Task::sequence,
                        .classes = 7,
                        .mean = {0.1, 1.0 / 3},
                        .deviation = {5e-324},
                        .train_size = 9};
  const nlohmann::json json = own;
  EXPECT_EQ(nlohmann::json::parse(json.dump()).get<UserDataset>(), own);
}

TEST(OwnFormat, IsToldByTheName) {
  EXPECT_EQ(format_by_name("a.b/x.npy"), "npy");
  EXPECT_EQ(format_by_name("a/x.h5:/train/x"), "hdf5");
  EXPECT_EQ(format_by_name("a/x.hdf5"), "hdf5");
  EXPECT_EQ(format_by_name("train-images-idx3-ubyte"), "idx");
  EXPECT_EQ(format_by_name("x.idx2"), "idx");
  EXPECT_EQ(format_by_name("data_batch_1.bin"), "cifar-bin");
  EXPECT_EQ(format_by_name("x.npy/data"), "");
}

std::string npy_error(const std::string& bytes) {
  return user_error([&] {
    parse_npy({"x.npy", Bytes({bytes.begin(), bytes.end()})});
  });
}

Array parsed(const std::string& bytes) {
  return parse_npy({"x.npy", Bytes({bytes.begin(), bytes.end()})});
}

TEST(Npy, HoldsEveryNumberType) {
  const auto last = [](const std::string& descr, const std::string& bytes) {
    return parsed(npy(descr, "(1,)", bytes))[0];
  };
  EXPECT_EQ(last("|b1", "\2"), 1);
  EXPECT_EQ(last("|u1", "\xff"), 255);
  EXPECT_EQ(last("|i1", "\xff"), -1);
  EXPECT_EQ(last("<u2", "\xff\xff"), 65535);
  EXPECT_EQ(last("<i2", "\xff\xff"), -1);
  EXPECT_EQ(last(">i2", {0, 1}), 1);
  EXPECT_EQ(last("<u4", "\xff\xff\xff\xff"), 4294967295);
  EXPECT_EQ(last("<i4", "\xff\xff\xff\xff"), -1);
  EXPECT_EQ(last("<i8", raw<std::int64_t>({-5'000'000'000})), -5e9);
  EXPECT_EQ(last("<u8", raw<std::uint64_t>({1ULL << 63})), 0x1p63);
  EXPECT_EQ(last("<f4", raw<float>({0.1F})), 0.1F);
  EXPECT_EQ(last("<f8", raw<double>({0.1})), 0.1);
}

TEST(Npy, TakesAllVersionsAndForms) {
  const std::string one = npy("|u1", "(2, 1)", "ab");
  const std::string two = std::string("\x93NUMPY\2\0", 8) + one.substr(8, 2) +
                          std::string(2, '\0') + one.substr(10);
  EXPECT_EQ(parsed(two)[1], 'b');
  EXPECT_THAT(parsed(npy("|u1", "(2L,1L)", "ab")).shape, ElementsAre(2, 1));
  EXPECT_THAT(parsed(npy("|u1", "(2,)", "ab", "True")).shape, ElementsAre(2));
}

TEST(Npy, RefusesWhatIsNotSound) {
  const std::string whole = npy("<f4", "(2, 3)", std::string(24, 'x'));
  EXPECT_THAT(npy_error(""), HasSubstr("x.npy: not a .npy file"));
  EXPECT_THAT(npy_error("PK\3\4"), HasSubstr("not a .npy file"));
  EXPECT_THAT(npy_error(whole.substr(0, 9)), HasSubstr("cut short"));
  EXPECT_THAT(npy_error(whole.substr(0, 50)), HasSubstr("cut short"));
  EXPECT_THAT(npy_error(whole.substr(0, whole.size() - 1)),
              AllOf(HasSubstr("2 x 3 elements of 4 bytes"),
                    HasSubstr("23 bytes follow")));
  EXPECT_THAT(npy_error(whole + "x"), HasSubstr("25 bytes follow"));
  std::string newer = whole;
  newer[6] = 9;
  EXPECT_THAT(npy_error(newer), HasSubstr("version 9"));
  EXPECT_THAT(npy_error(npy("<f2", "(1,)", "ab")),
              AllOf(HasSubstr("type '<f2'"), HasSubstr("astype")));
  EXPECT_THAT(npy_error(npy("|O", "(1,)", "ab")), HasSubstr("type '|O'"));
  EXPECT_THAT(npy_error(npy("<f4", "(2, 3)", std::string(24, 'x'), "True")),
              HasSubstr("ascontiguousarray"));
  EXPECT_THAT(npy_error(npy("<f4", "(4611686018427387904, 4)", "")),
              HasSubstr("0 bytes follow"));
  for (const char* shape : {"(-1,)", "(1 2)", "(a,)", "(", "1", "(9e9,)",
                            "(99999999999999999999,)"}) {
    EXPECT_THAT(npy_error(npy("<f4", shape, "")), HasSubstr("damaged"))
        << shape;
  }
  EXPECT_THAT(npy_error(npy("<f4", "(1,), 'more': 2", "")),
              HasSubstr("damaged"));
}

}  // namespace
}  // namespace cape::datasets
