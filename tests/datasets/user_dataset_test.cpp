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
#include "datasets/variant.h"
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
  EXPECT_EQ(dataset.info.classes, 4);
  EXPECT_THAT(dataset.info.shape, ElementsAre(3, 1));
  const Batch batch = all_of(dataset);
  EXPECT_THAT(batch.labels, ElementsAre(0, 1, 2, 3, 0, 1));
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
  EXPECT_THAT(error_message(own), HasSubstr("own.h5: holds no array"));
  own.x = file + ":/text";
  EXPECT_THAT(error_message(own),
              HasSubstr("its elements are texts, but only floating-point"));
  own.x = file;
  EXPECT_THAT(error_message(own), HasSubstr("own.h5: holds several arrays"));
  own.x = vectors().x;
  EXPECT_THAT(error_message(own),
              HasSubstr("x.npy: found the format npy, not hdf5"));
}

TEST_F(UserDatasetTest, Hdf5FilesThatAreCutShortAreRefused) {
  const std::string whole = read_file(kHdf5);
  UserDataset own = vectors();
  own.format = "hdf5";
  own.x = write("cut.h5", whole.substr(0, whole.size() / 2)) + ":/plain/x";
  EXPECT_THAT(error_message(own), HasSubstr("cut.h5:/plain/x: HDF5 cannot"));
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
      EXPECT_THAT(error.what(),
                  testing::AnyOf(HasSubstr(".h5:"), HasSubstr("h5'")));
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
  EXPECT_THAT(labels_of(dataset), ElementsAre(1, 0, 2));
  EXPECT_EQ(dataset.info.classes, 3);
  EXPECT_EQ(pixels_of(dataset).back(), 47);
  own.classes = 7;
  EXPECT_THAT(error_message(own),
              HasSubstr("labels 0, 3 and 7 (3 different ones), but classes: "
                        "is 7"));
  own.classes = 8;
  EXPECT_THAT(labels_of(open_user_dataset("mine", own)), ElementsAre(3, 0, 7));
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
}

TEST_F(UserDatasetTest, LabelsThatDoNotFitTheTaskAreRefused) {
  using enum Task;
  EXPECT_THAT(
      labels_refused(classification,
                     npy("<f8", "(3,)", raw<double>({0, 1, 2}))),
      AllOf(HasSubstr("y.npy: labels of type float64"),
            HasSubstr("give classes: 3"), HasSubstr("task: regression")));
  EXPECT_THAT(labels_refused(classification,
                             npy("<f8", "(3,)", raw<double>({0, 1.5, 2})), 3),
              HasSubstr("label 1.5 at element 1"));
  EXPECT_THAT(
      labels_refused(classification,
                     npy("<i8", "(3,)", raw<std::int64_t>({0, 1, 3})), 2),
      HasSubstr("labels 0, 1 and 3 (3 different ones), but classes: is 2"));
  EXPECT_THAT(labels_refused(classification,
                             npy("<i8", "(3,)",
                                 raw<std::int64_t>({1, 2, (1L << 53) + 1}))),
              HasSubstr("classes are whole numbers"));
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
      AllOf(HasSubstr(
                "an array of 3 x 2, but the labels of a classification task"),
            HasSubstr("task: multilabel")));
  EXPECT_THAT(labels_refused(classification,
                             npy("|u1", "(3, 2)", {1, 0, 0, 1, 1, 0}), 3),
              HasSubstr("one-hot rows of 2, but classes: is 3"));
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

TEST_F(UserDatasetTest, LabelsOfAnyKindBecomeClasses) {
  struct Case {
    std::string y;
    std::vector<int> labels;
    std::int64_t known = 0;  ///< classes: of the configuration
    std::int64_t classes = 3;
    std::string note = {};
  };
  const auto whole = [](const std::vector<std::int64_t>& labels) {
    return npy("<i8", "(3,)", raw(labels));
  };
  const std::string one_hot = "rows with a 1 for the class (one-hot) became";
  for (const Case& one : {
           Case{whole({1, 3, 2}),
                {0, 2, 1},
                0,
                3,
                "y.npy: labels 1, 2 and 3 became classes 0 to 2"},
           Case{whole({9, 3, 7}), {2, 0, 1}, 0, 3, "labels 3, 7 and 9 became"},
           Case{whole({9, 3, 7}), {2, 0, 1}, 3, 3, "labels 3, 7 and 9 became"},
           Case{whole({0, 4, 0}), {0, 1, 0}, 0, 2, "labels 0 and 4 became"},
           Case{whole({0, 4, 0}), {0, 4, 0}, 5, 5},
           Case{whole({5, 1, 1}),
                {4, 0, 0},
                5,
                5,
                "labels 1, 2, 3, 4 and 5 became classes 0 to 4"},
           Case{whole({1, -1, 1}), {1, 0, 1}, 0, 2, "labels -1 and 1 became"},
           Case{whole({1L << 40, 5, 6}), {2, 0, 1}, 0, 3, "1099511627776"},
           Case{npy("<f8", "(3,)", raw<double>({2, 1, 2})),
                {1, 0, 1},
                2,
                2,
                "labels 1 and 2 became"},
           Case{npy("<f4", "(3,)", raw<float>({2, 1, 0})), {2, 1, 0}, 3, 3},
           Case{npy("<i8", "(3, 1)", raw<std::int64_t>({0, 2, 1})), {0, 2, 1}},
           Case{npy("<i8", "(1, 3)", raw<std::int64_t>({0, 2, 1})), {0, 2, 1}},
           Case{npy("|u1", "(3, 4)", {0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0}),
                {3, 0, 2},
                0,
                4,
                one_hot},
           Case{npy("<f4", "(3, 2)", raw<float>({0, 1, 1, 0, 0, 1})),
                {1, 0, 1},
                2,
                2,
                one_hot},
       }) {
    UserDataset own = vectors();
    own.classes = one.known;
    write("y.npy", one.y);
    const Dataset dataset = open_user_dataset("mine", own);
    EXPECT_THAT(labels_of(dataset), testing::ElementsAreArray(one.labels));
    EXPECT_EQ(dataset.info.classes, one.classes);
    EXPECT_THAT(all_of(dataset).labels, testing::ElementsAreArray(one.labels));
    if (one.note.empty()) {
      EXPECT_EQ(dataset.info.note, "");
    } else {
      EXPECT_THAT(dataset.info.note, HasSubstr(one.note));
    }
  }
}

TEST_F(UserDatasetTest, LabelsAtEveryStepMayBeOneHot) {
  UserDataset own = vectors();
  own.task = Task::sequence;
  write("x.npy", npy("<i2", "(2, 2, 1)", raw<std::int16_t>({1, 2, 3, 4})));
  write("y.npy", npy("|u1", "(2, 2, 2)", {0, 1, 1, 0, 1, 0, 0, 1}));
  EXPECT_THAT(labels_of(open_user_dataset("mine", own)),
              ElementsAre(1, 0, 0, 1));
  write("y.npy", npy("|u1", "(2, 2, 1)", {4, 5, 5, 4}));
  EXPECT_THAT(labels_of(open_user_dataset("mine", own)),
              ElementsAre(0, 1, 1, 0));
}

TEST_F(UserDatasetTest, FilesOfEarlierVersionsKeepTheirFingerprints) {
  // A row's key has the fingerprint, so another one would lose all rows.
  UserDataset own = vectors();
  const auto fingerprint = [&] {
    return open_user_dataset("mine", own).info.fingerprint;
  };
  const std::string usual = "6d8ff8da20ed4b68f822828cc3426474";
  EXPECT_EQ(fingerprint(), usual);
  write("y.npy", npy("<i8", "(3, 1)", raw<std::int64_t>({0, 2, 1})));
  EXPECT_EQ(fingerprint(), usual);
  write("y.npy.gz", gzip(read_file(own.y)));
  own.y += ".gz";
  own.format = "";
  EXPECT_EQ(fingerprint(), usual);
  own = {.x = std::string(kHdf5) + ":/plain/x",
         .y = std::string(kHdf5) + ":/plain/y"};
  EXPECT_EQ(fingerprint(), "7f5451233b9c269fa1a5693dc882aaaa");
}

TEST_F(UserDatasetTest, TheLayoutSaysWhatTheAxesAre) {
  UserDataset own = vectors();
  own.y = write("two.npy", npy("|u1", "(2,)", {0, 1}));
  own.format = "";
  // Pixel (n, c, h, w) is 100 n + 30 c + 10 h + w.
  std::string nchw;
  std::string nhwc;
  for (int n = 0; n < 2; ++n) {
    for (int i = 0; i < 18; ++i) {
      const auto pixel = [n](int c, int h, int w) {
        return static_cast<char>(100 * n + 30 * c + 10 * h + w);
      };
      nchw += pixel(i / 9, i / 3 % 3, i % 3);
      nhwc += pixel(i % 2, i / 6, i / 2 % 3);
    }
  }
  std::string hwcn;
  for (int i = 0; i < 36; ++i) hwcn += nhwc[i % 2 * 18 + i / 2];
  own.x = write("x.npy", npy("|u1", "(2, 2, 3, 3)", nchw));
  const std::string fingerprint =
      open_user_dataset("mine", own).info.fingerprint;
  const auto expect_images = [&](const char* layout, const char* shape,
                                 const std::string& pixels) {
    own.layout = layout;
    write("x.npy", npy("|u1", shape, pixels));
    const Dataset dataset = open_user_dataset("mine", own);
    EXPECT_TRUE(dataset.info.images);
    EXPECT_THAT(dataset.info.shape, ElementsAre(2, 3, 3));
    EXPECT_EQ(dataset.info.fingerprint, fingerprint) << layout;
  };
  expect_images("nchw", "(2, 2, 3, 3)", nchw);
  expect_images("nhwc", "(2, 3, 3, 2)", nhwc);
  expect_images("hwcn", "(3, 3, 2, 2)", hwcn);

  own.layout = "nhw";
  write("x.npy", npy("|u1", "(2, 2, 3)", "abcdefghijkl"));
  const Dataset grey = open_user_dataset("mine", own);
  EXPECT_THAT(grey.info.shape, ElementsAre(1, 2, 3));
  EXPECT_EQ(pixels_of(grey)[11], 'l');
  own.layout = "dn";
  write("x.npy", npy("<f4", "(3, 2)", raw<float>({1, 2, 3, 4, 5, 6})));
  const Dataset columns = open_user_dataset("mine", own);
  EXPECT_THAT(columns.mean, ElementsAre(1.5, 3.5, 5.5));
  own.layout = "nhwc";
  EXPECT_THAT(error_message(own),
              HasSubstr("an array of 3 x 2, but layout: nhwc names 4 axes"));
}

TEST_F(UserDatasetTest, AnOrderOfAxesThatIsLikelyWrongIsNamed) {
  UserDataset own = vectors();
  const auto set = [&](const char* descr, const char* shape, std::size_t size) {
    write("x.npy", npy(descr, shape, std::string(size, '')));
  };
  for (const char* shape : {"(3, 8, 9, 3)", "(3, 72, 3, 1)"}) {
    set("|u1", shape, 648);
    EXPECT_THAT(error_message(own),
                AllOf(HasSubstr("looks like images with the channel"),
                      HasSubstr("layout: nhwc"), HasSubstr("layout: nchw")));
  }
  own.layout = "nchw";
  EXPECT_THAT(open_user_dataset("mine", own).info.shape, ElementsAre(72, 3, 1));
  own.layout = "";
  set("|u1", "(3, 8, 9)", 216);
  EXPECT_THAT(open_user_dataset("mine", own).info.note,
              AllOf(HasSubstr("3 x 8 x 9 bytes were taken as sequences of 8"),
                    HasSubstr("layout: nhw")));
  own.layout = "ntd";
  EXPECT_EQ(open_user_dataset("mine", own).info.note, "");
  own.layout = "";
  set("<f4", "(2, 3)", 24);
  EXPECT_THAT(error_message(own),
              HasSubstr("labels of 3 samples, but there are 2 samples of x; if "
                        "the last axis of x is the samples, give layout: dn"));
  own.layout = "dn";
  set("<f4", "(3, 2)", 24);
  EXPECT_THAT(error_message(own),
              HasSubstr("labels of 3 samples, but there are 2 samples of x; "
                        "layout: dn says that axis 2 of x is the samples"));
}

TEST_F(UserDatasetTest, MatlabsFilesAreReadAsMatlabShowsThem) {
  const std::string file = CAPE_FIXTURES "/datasets/own/matlab_7_3.mat";
  const UserDataset own{.x = file + ":x", .y = file + ":y", .classes = 3};
  const Dataset dataset = open_user_dataset("mine", own);
  EXPECT_THAT(dataset.mean, ElementsAre(15, 16, 17));
  EXPECT_THAT(labels_of(dataset), ElementsAre(0, 1, 2, 0));
  EXPECT_THAT(dataset.info.note,
              AllOf(HasSubstr("turned round and is 4 x 3"),
                    HasSubstr("labels 3, 7 and 9 became classes 0 to 2")));
}

/// Three texts of four tokens.
class TokensTest : public UserDatasetTest {
 protected:
  UserDataset tokens(const std::string& x) {
    UserDataset own = vectors();
    own.x = write("x.npy", x);
    own.input = InputKind::tokens;
    return own;
  }

  UserDataset tokens() {
    return tokens(npy("<i8", "(3, 4)",
                      raw<std::int64_t>({5, 0, 9, 9, 1, 2, 3, 4, 0, 0, 0, 0})));
  }
};

TEST_F(TokensTest, StayTheNumbersThatTheyAre) {
  const Dataset dataset = open_user_dataset("mine", tokens());
  EXPECT_EQ(dataset.info.vocabulary, 10);
  EXPECT_THAT(dataset.info.shape, ElementsAre(4));
  EXPECT_FALSE(dataset.info.images);
  EXPECT_THAT(all_of(dataset).inputs,
              ElementsAre(5, 0, 9, 9, 1, 2, 3, 4, 0, 0, 0, 0));
}

TEST_F(TokensTest, OfAnyTypeAreTheSameTokens) {
  const std::vector<double> kTokens = {5, 0, 9, 9, 1, 2, 3, 4, 0, 0, 0, 0};
  for (const std::string& x :
       {npy("<f8", "(3, 4)", raw(kTokens)),
        npy("<u2", "(3, 4)",
            raw(std::vector<std::uint16_t>(kTokens.begin(), kTokens.end())))}) {
    EXPECT_THAT(all_of(open_user_dataset("mine", tokens(x))).inputs,
                testing::ElementsAreArray(kTokens));
  }
}

TEST_F(TokensTest, HaveTheVocabularyThatTheUserGives) {
  UserDataset own = tokens();
  own.vocabulary = 5000;
  const DatasetInfo info = open_user_dataset("mine", own).info;
  EXPECT_EQ(info.vocabulary, 5000);
  EXPECT_NE(info.fingerprint,
            open_user_dataset("mine", tokens()).info.fingerprint);
  own.vocabulary = 9;
  EXPECT_THAT(error_message(own),
              AllOf(HasSubstr("x.npy: sample 0 holds 9"),
                    HasSubstr("from 0 to 8 (vocabulary: 9)")));
}

TEST_F(TokensTest, ThatAreNoneAreNamed) {
  EXPECT_THAT(error_message(tokens(npy("<i4", "(3, 1)", raw<int>({3, 1, -1})))),
              AllOf(HasSubstr("sample 2 holds -1"), HasSubstr("padding")));
  EXPECT_THAT(
      error_message(tokens(npy("<f4", "(3, 1)", raw<float>({3, 1.5, 1})))),
      HasSubstr("sample 1 holds 1.5, but tokens are whole numbers"));
  EXPECT_THAT(
      error_message(tokens(
          npy("<f4", "(3, 1)",
              raw<float>({3, 1, std::numeric_limits<float>::quiet_NaN()})))),
      HasSubstr("sample 2 holds nan"));
  EXPECT_THAT(error_message(tokens(
                  npy("<i4", "(3, 1, 2)", raw<int>({3, 1, 1, 1, 1, 1})))),
              HasSubstr("3 x 1 x 2, but tokens are [N, T]"));
  EXPECT_THAT(error_message(tokens(
                  npy("<i8", "(3, 1)", raw<std::int64_t>({3, 1, 1 << 24})))),
              HasSubstr("sample 2 holds 16777216"));
}

TEST_F(TokensTest, HaveVariantsOfTheirLabelsAlone) {
  const DatasetInfo info = open_user_dataset("mine", tokens()).info;
  EXPECT_THAT(problem_of({.scale = 2}, info), HasSubstr("mine has tokens"));
  EXPECT_THAT(problem_of({.noise = 0.5}, info), HasSubstr("mine has tokens"));
  EXPECT_EQ(problem_of({.label_noise = 0.5}, info), "");
  Random random(3);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(problem_of(sample_variant(info, random), info), "");
  }
}

TEST_F(UserDatasetTest, GoesThroughJson) {
  const UserDataset own{.format = "hdf5",
                        .x = "a:/b",
                        .y = "c:/d",
                        .layout = "tnd",
                        .input = InputKind::tokens,
                        .vocabulary = 12,
                        .task = Task::sequence,
                        .classes = 7,
                        .mean = {0.1, 1.0 / 3},
                        .deviation = {5e-324},
                        .train_size = 9};
  const nlohmann::json json = own;
  EXPECT_EQ(nlohmann::json::parse(json.dump()).get<UserDataset>(), own);
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
  EXPECT_EQ(last("<f2", raw<std::uint16_t>({0x3555})), 1365 * 0x1p-12);
  EXPECT_EQ(last("<f2", raw<std::uint16_t>({0x8001})), -0x1p-24);
  EXPECT_EQ(last("<f2", raw<std::uint16_t>({0x7bff})), 65504);
  EXPECT_EQ(last("<f2", raw<std::uint16_t>({0xfc00})), -HUGE_VAL);
  EXPECT_TRUE(std::isnan(last("<f2", raw<std::uint16_t>({0x7e00}))));
  EXPECT_EQ(last(">f2", {'\xc0', 0}), -2);
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
  const Array columns = parsed(npy("|u1", "(2, 3)", "adbecf", "True"));
  EXPECT_THAT(columns.shape, ElementsAre(2, 3));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(columns[i], 'a' + i);
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
  for (const auto& [type, says] :
       {std::pair("<c8", "(complex numbers), which are not taken; save their"),
        {"|O", "(objects of Python)"},
        {"<U3", "numpy.unique"},
        {"|S3", "numpy.unique"},
        {"|V2", "bfloat16"},
        {"<M8[s]", "(times)"},
        {"<f16", "array.astype('float64')"}}) {
    EXPECT_THAT(
        npy_error(npy(type, "(1,)", "ab")),
        AllOf(HasSubstr(std::string("type '") + type + "'"), HasSubstr(says)));
  }
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
