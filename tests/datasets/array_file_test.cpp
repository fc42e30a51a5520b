// Arrays in files of every format, told by their content.
#include "datasets/array_file.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/random.h"
#include "support.h"

namespace cape::datasets {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kOwn = CAPE_FIXTURES "/datasets/own/";

std::vector<double> values_of(const Array& array) {
  std::vector<double> values(array.size());
  array.read(0, values);
  return values;
}

/// 10 i + j at (i, j), row by row, of 4 x 3.
void expect_x(const std::string& place, const std::string& format) {
  const StoredArray stored = read_array_file(place);
  EXPECT_EQ(stored.format, format) << place;
  EXPECT_THAT(stored.array.shape, ElementsAre(4, 3)) << place;
  EXPECT_THAT(values_of(stored.array),
              ElementsAre(0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32))
      << place;
}

std::string refused(const std::string& place) {
  return user_error([&] { read_array_file(place); });
}

class ArrayFileTest : public testing::Test {
 protected:
  std::string copy(const std::string& own, const std::string& name) {
    return write(name, read_file(kOwn + own));
  }
  std::string write(const std::string& name, const std::string& bytes) {
    write_file(folder_.path() / name, bytes);
    return folder_.path() / name;
  }

  TemporaryFolder folder_;
};

TEST_F(ArrayFileTest, ReadsAnArrayByItsName) {
  for (const char* name : {":x", ":x.npy"}) {
    expect_x(kOwn + "stored.npz" + name, "npz");
    expect_x(kOwn + "packed.npz" + name, "npz");
  }
  expect_x(kOwn + "packed.npz:größe", "npz");
  expect_x(kOwn + "packed.mat:x", "mat");
  expect_x(kOwn + "plain.mat:x", "mat");
  expect_x(kOwn + "matlab_7_3.mat:x", "mat");
  expect_x(kOwn + "matlab_7_3.mat:/x", "mat");
  expect_x(kOwn + "filters.h5:/gzip", "hdf5");
  expect_x(kOwn + "filters.h5:gzip", "hdf5");
  EXPECT_THAT(values_of(read_array_file(kOwn + "stored.npz:y").array),
              ElementsAre(3, 7, 9, 3));
}

TEST_F(ArrayFileTest, AFileOfOneArrayNeedsNoName) {
  expect_x(kOwn + "one.npz", "npz");
  expect_x(kOwn + "one.h5", "hdf5");
  expect_x(kOwn + "columns.npy", "npy");
}

TEST_F(ArrayFileTest, NamesTheArraysThatThereAre) {
  EXPECT_EQ(refused(kOwn + "stored.npz"),
            kOwn + "stored.npz: holds several arrays (x, y); name one: " +
                kOwn + "stored.npz:x");
  EXPECT_EQ(refused(kOwn + "stored.npz:z"),
            kOwn + "stored.npz: holds no array 'z'; it holds x, y");
  EXPECT_THAT(refused(kOwn + "packed.mat"),
              HasSubstr("several arrays (x, y, images, small)"));
  EXPECT_THAT(refused(kOwn + "matlab_7_3.mat"),
              HasSubstr("several arrays (/images, /nothing, /x, /y)"));
  EXPECT_THAT(refused(kOwn + "filters.h5:/a/b"),
              HasSubstr("holds no array '/a/b'; it holds /gzip, /lzf"));
  EXPECT_THAT(refused(kOwn + "columns.npy:x"), HasSubstr("remove ':x'"));
}

TEST_F(ArrayFileTest, TheContentTellsTheFormatAlsoWithinGzip) {
  for (const auto& [own, array, format] : {std::tuple("columns.npy", "", "npy"),
                                           {"packed.npz", ":x", "npz"},
                                           {"packed.mat", ":x", "mat"},
                                           {"matlab_7_3.mat", ":x", "mat"},
                                           {"one.h5", "", "hdf5"},
                                           {"filters.h5", ":gzip", "hdf5"}}) {
    expect_x(copy(own, "renamed") + array, format);
    const std::string packed = gzip(read_file(kOwn + own));
    expect_x(write("packed.gz", packed) + array, format);
    expect_x(write("packed", packed) + array, format);
  }
  const std::string bytes = idx({2, 3}, "abcdef");
  for (const std::string& file : {bytes, gzip(bytes)}) {
    const StoredArray stored = read_array_file(write("file", file));
    EXPECT_EQ(stored.format, "idx");
    EXPECT_EQ(stored.array[5], 'f');
  }
}

TEST_F(ArrayFileTest, ANameFindsAlsoWhatHasNoExtension) {
  for (const char* name : {":format", ":data", ":data.npy", ":bare"})
    expect_x(kOwn + "named.npz" + name, "npz");
  // Of two with one name, the one with the extension.
  EXPECT_THAT(values_of(read_array_file(kOwn + "named.npz:shape").array),
              ElementsAre(3, 7, 9, 3));
  EXPECT_THAT(refused(kOwn + "named.npz"),
              HasSubstr("several arrays (format, shape, data); name one"));
  expect_x(kOwn + "bare.npz:bare", "npz");
  EXPECT_THAT(refused(kOwn + "bare.npz"),
              HasSubstr("a zip file without arrays of NumPy"));
}

/// An element of a MATLAB file: its type, its size and its bytes in eights.
std::string mat_element(char type, std::string bytes) {
  const std::string head = {type, 0, 0, 0, static_cast<char>(bytes.size()),
                            0,    0, 0};
  bytes.resize((bytes.size() + 7) / 8 * 8);
  return head + bytes;
}

std::string mat_flags(char kind) {
  return mat_element(6, {kind, 0, 0, 0, 0, 0, 0, 0});
}

TEST_F(ArrayFileTest, ObjectsOfMatlabMayBeBesideNumbers) {
  // As MATLAB writes a table, and what belongs to it in an array without a
  // name.
  const std::string objects =
      mat_element(14, mat_flags(17) + mat_element(1, "table_of_x") +
                          mat_element(1, "MCOS") + mat_element(1, "table") +
                          mat_element(14, mat_flags(13))) +
      mat_element(14, mat_flags(9) + mat_element(5, {1, 0, 0, 0, 3, 0, 0, 0}) +
                          mat_element(1, "") + mat_element(2, "abc"));
  const std::string plain = read_file(kOwn + "plain.mat");
  const std::string both = write("both.mat", plain + objects);
  expect_x(both + ":x", "mat");
  EXPECT_THAT(refused(both + ":table_of_x"),
              HasSubstr("its table_of_x is an object; save its numbers"));
  EXPECT_THAT(refused(both),
              HasSubstr("several arrays (x, y, images, small); name"));
  EXPECT_THAT(refused(write("one.mat", plain.substr(0, 128) + objects)),
              HasSubstr("its table_of_x is an object; save its numbers"));
}

TEST_F(ArrayFileTest, MatlabsArraysHaveTheShapeAndTypeThatMatlabShows) {
  for (const char* file : {"packed.mat", "plain.mat"}) {
    const Array images = read_array_file(kOwn + file + ":images").array;
    EXPECT_EQ(images.type, ElementType::uint8);
    EXPECT_THAT(images.shape, ElementsAre(2, 3, 5, 4));
    const std::vector<double> values = values_of(images);
    EXPECT_EQ(values[1], 1);
    EXPECT_EQ(values[4], 4);
    EXPECT_EQ(values[20], 20);
    EXPECT_EQ(values[60], 100);
    EXPECT_EQ(values.back(), 159);
    const Array small = read_array_file(kOwn + file + ":small").array;
    EXPECT_EQ(small.type, ElementType::int16);
    EXPECT_EQ(small[11], 32);
  }
  const StoredArray images = read_array_file(kOwn + "matlab_7_3.mat:images");
  EXPECT_THAT(images.array.shape, ElementsAre(5, 4, 3, 2));
  EXPECT_EQ(images.array[1], 100);  // the next sample
  EXPECT_EQ(images.array[2], 20);   // the next channel
  EXPECT_THAT(images.note,
              AllOf(HasSubstr("turned round"), HasSubstr("5 x 4 x 3 x 2")));
  EXPECT_THAT(read_array_file(kOwn + "one.h5").note, IsEmpty());
  EXPECT_THAT(refused(kOwn + "matlab_7_3.mat:nothing"),
              HasSubstr("an empty array"));
  EXPECT_THAT(refused(kOwn + "packed.mat:complex"),
              HasSubstr("its complex is complex numbers"));
}

TEST_F(ArrayFileTest, NumbersOf16BitsAreThoseThatTheyAre) {
  for (const char* name : {"half", "big_half", "packed_half"}) {
    const std::string place = kOwn + "kinds.h5:/" + name;
    expect_x(place, "hdf5");
    EXPECT_EQ(read_array_file(place).array.type, ElementType::float16);
  }
}

TEST_F(ArrayFileTest, WhatIsNoArrayOfNumbersIsNamed) {
  for (const auto& [place, says] :
       {std::pair("kinds.h5:bfloat16",
                  "numbers of 16 bits that are not IEEE's"),
        {"kinds.h5:twelve", "integers of 12 bits"},
        {"kinds.h5:complex", "complex numbers"},
        {"kinds.h5:texts", "its elements are texts, but only floating-point"},
        {"kinds.h5:records", "records of 3 parts"},
        {"kinds.h5:ragged", "rows of different lengths"},
        {"kinds.mat:sparse", "its sparse is a sparse matrix; save full()"},
        {"kinds.mat:cells", "its cells is a cell array; save cell2mat()"},
        {"kinds.mat:record", "its record is a structure"},
        {"kinds.mat:y", "no array 'y'; it holds x"},
        {"packed.mat:text", "its text is text; save a number"},
        {"version_4.mat", "a MATLAB file of version 4, which is not read"},
        {"version_4.mat:x", "a MATLAB file of version 4, which is not read"},
        {"sparse.npz", "scipy.sparse.load_npz(FILE).toarray()"},
        {"sparse.npz:data", "scipy.sparse.load_npz(FILE).toarray()"}}) {
    EXPECT_THAT(refused(kOwn + place), HasSubstr(says)) << place;
  }
}

TEST_F(ArrayFileTest, AFilterThatIsMissingIsNamed) {
  EXPECT_THAT(refused(kOwn + "filters.h5:/lzf"),
              AllOf(HasSubstr("filters.h5:/lzf: "),
                    HasSubstr("the filter lzf (id 32000)"),
                    HasSubstr("compression='gzip'")));
}

TEST_F(ArrayFileTest, NamesMayBeLongAndOfAnyScript) {
  const std::string name = "数据 données: \"x\" ру'с " + std::string(200, 'n');
  expect_x(copy("columns.npy", name), "npy");
  expect_x(copy("stored.npz", name) + ":x", "npz");
  expect_x(copy("filters.h5", name) + ":/gzip", "hdf5");
}

TEST_F(ArrayFileTest, SaysWhatItFoundInsteadOfAKnownFormat) {
  EXPECT_THAT(refused(write("x.csv", "a;b;c\n1;2;3\n")),
              AllOf(HasSubstr("x.csv: a text that begins with 'a;b;c'"),
                    HasSubstr("numpy.loadtxt")));
  EXPECT_THAT(refused(write("x.npy", {1, 2, '\xff'})),
              AllOf(HasSubstr("x.npy: begins with the bytes 01 02 ff"),
                    HasSubstr("npy, npz, idx, hdf5, mat")));
  for (const auto& [begin, says] :
       {std::pair("PAR1...",
                  "the file is a Parquet file, but only the formats npy"),
        {"ARROW1..", "pandas.read_feather"},
        {"\x80\4\x95", "a pickle of Python"},
        {"BZh91AY", "compressed by bzip2"},
        {"\xfd"
         "7zXZ",
         "compressed by xz"},
        {"\x28\xb5\x2f\xfd", "compressed by zstd"},
        {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
        {"<!DOCTYPE html>", "a web page"}}) {
    EXPECT_THAT(refused(write("x.npy", begin)), HasSubstr(says));
  }
  EXPECT_THAT(refused(write("x.npy", gzip(gzip("x")))),
              AllOf(HasSubstr("compressed by gzip twice"),
                    HasSubstr("unpack it once")));
  EXPECT_THAT(refused(write("x.npy", "")), HasSubstr("an empty file"));
  EXPECT_THAT(refused(write("x.npy", gzip(""))), HasSubstr("an empty file"));
  EXPECT_THAT(
      refused(folder_.path() / "none.h5:/x"),
      HasSubstr("cannot read " + (folder_.path() / "none.h5").string()));
}

TEST_F(ArrayFileTest, DamageIsAnsweredWithAMessageAtMost) {
  for (const auto& [own, array] : {std::pair("packed.npz", ":x"),
                                   {"stored.npz", ":x"},
                                   {"packed.mat", ":small"},
                                   {"plain.mat", ":images"}}) {
    const std::string whole = read_file(kOwn + own);
    for (std::size_t size = 0; size < whole.size(); size += 7) {
      try {  // a variable may be whole before the end
        read_array_file(write("cut", whole.substr(0, size)) + array);
      } catch (const UserError&) {
      }
    }
    Random random(9);
    for (int round = 0; round < 300; ++round) {
      std::string bytes = whole;
      bytes[random.below(static_cast<std::int64_t>(bytes.size()))] =
          static_cast<char>(random.below(256));
      try {
        read_array_file(write("damaged", bytes) + array);
      } catch (const UserError&) {
      }
    }
  }
}

}  // namespace
}  // namespace cape::datasets
