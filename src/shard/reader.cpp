#include "shard/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <system_error>

#include "shard/checksum.h"
#include "shard/row_type.h"

namespace cape::shard {
namespace {

constexpr std::size_t kRowsPerRead = 4096;

/// Throws what is wrong with the file as a whole.
void check_shard(const std::filesystem::path& path, const hdf5::Handle& file) {
  if (!hdf5::has_attribute(file, "schema_version")) {
    fail_user(
        "{}: no shard (it has no attribute schema_version); name only files "
        "that cape_farm wrote",
        path.string());
  }
  const int version = hdf5::read_int_attribute(file, "schema_version");
  if (version > kSchemaVersion) {
    fail_user(
        "{}: schema_version is {}, this program reads up to {}; use the newer "
        "program that wrote it",
        path.string(), version, kSchemaVersion);
  }
}

bool same_kind(const hdf5::Handle& found, const hdf5::Handle& expected) {
  const H5T_class_t kind = H5Tget_class(expected);
  if (H5Tget_class(found) != kind) return false;
  if (H5Tget_size(found) != H5Tget_size(expected)) return false;
  if (kind == H5T_STRING) return H5Tis_variable_str(found) == 0;
  if (kind == H5T_INTEGER) return H5Tget_sign(found) == H5Tget_sign(expected);
  return true;
}

/// What to say of a file that an older program wrote.
std::string age_of(const hdf5::Handle& file) {
  const int version = hdf5::read_int_attribute(file, "schema_version");
  if (version == kSchemaVersion) return "";
  return fmt::format(
      ": its schema_version is {}, this program's is {}; measure its rows "
      "again",
      version, kSchemaVersion);
}

/// Refuses a table that lacks a column of Row or has it with another type.
void check_columns(const std::filesystem::path& path, const hdf5::Handle& file,
                   const hdf5::Handle& trials) {
  const hdf5::Handle stored(H5Dget_type(trials), H5Tclose, "get a type");
  if (H5Tget_class(stored) != H5T_COMPOUND) {
    fail_user("{}: /trials is no table of named columns; is it a shard?",
              path.string());
  }
  for (const Column& column : columns()) {
    const int index =
        H5Tget_member_index(stored, std::string(column.name).c_str());
    if (index < 0) {
      fail_user(
          "{}: /trials has no column '{}'{}; a shard has all columns of "
          "docs/shard_format.md",
          path.string(), column.name, age_of(file));
    }
    const hdf5::Handle found(
        H5Tget_member_type(stored, static_cast<unsigned>(index)), H5Tclose,
        "get a type");
    if (!same_kind(found, column_type(column))) {
      fail_user(
          "{}: column '{}' of /trials has another type than in "
          "docs/shard_format.md; write it as it was read",
          path.string(), column.name);
    }
  }
}

hdf5::Handle open_trials(const std::filesystem::path& path,
                         const hdf5::Handle& file) {
  if (!hdf5::exists(file, "trials")) {
    fail_user(
        "{}: no shard (it has no /trials); name only files that "
        "cape_farm wrote",
        path.string());
  }
  hdf5::Handle trials = hdf5::open_dataset(file, "trials");
  check_columns(path, file, trials);
  return trials;
}

/// Rows as they are stored by this program: no gaps, in the order of columns().
/// HDF5 converts a column of a row at a time, which takes three times as long
/// as this.
void unpack(std::span<const char> stored, std::span<Row> rows) {
  const char* from = stored.data();
  for (Row& row : rows) {
    for (const Column& column : columns()) {
      std::memcpy(reinterpret_cast<char*>(&row) + column.offset, from,
                  column.size);
      from += column.size;
    }
  }
}

/// Reads rows of /trials, however they are stored.
class RowReader {
 public:
  explicit RowReader(const hdf5::Handle& trials)
      : trials_(trials),
        type_(row_type()),
        packed_(hdf5::packed(type_)),
        is_packed_(
            H5Tequal(hdf5::Handle(H5Dget_type(trials), H5Tclose, "get a type"),
                     packed_) > 0) {}

  void read(std::uint64_t first, std::span<Row> rows) {
    if (!is_packed_) {
      hdf5::read(trials_, type_, first, rows.size(), rows.data());
      return;
    }
    bytes_.resize(rows.size() * H5Tget_size(packed_));
    hdf5::read(trials_, packed_, first, rows.size(), bytes_.data());
    unpack(bytes_, rows);
  }

 private:
  const hdf5::Handle& trials_;
  hdf5::Handle type_;
  hdf5::Handle packed_;
  bool is_packed_;
  std::vector<char> bytes_;
};

/// Any byte but 0 is true: a bool that is neither 0 nor 1 must not be read.
void mend_booleans(Row& row) {
  for (const Column& column : columns()) {
    if (column.type != ColumnType::boolean) continue;
    char* byte = reinterpret_cast<char*>(&row) + column.offset;
    *byte = *byte != 0 ? 1 : 0;
  }
}

void read_rows(const std::filesystem::path& path, const hdf5::Handle& file,
               const std::function<void(const Row&)>& take) {
  const hdf5::Handle trials = open_trials(path, file);
  RowReader reader(trials);
  const std::uint64_t total = hdf5::length(trials);
  std::vector<Row> rows(std::min<std::uint64_t>(total, kRowsPerRead));
  for (std::uint64_t first = 0; first < total; first += rows.size()) {
    const std::size_t count =
        std::min<std::uint64_t>(rows.size(), total - first);
    reader.read(first, std::span(rows).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      mend_booleans(rows[i]);
      take(rows[i]);
    }
  }
}

std::vector<float> losses_of(const hdf5::Handle& file) {
  const hdf5::Handle dataset = hdf5::open_dataset(file, "curves/loss");
  std::vector<float> losses(hdf5::length(dataset));
  hdf5::read(dataset, H5T_NATIVE_FLOAT, 0, losses.size(), losses.data());
  return losses;
}

Provenance provenance_of(const hdf5::Handle& file) {
  return {hdf5::read_text_attributes(file), hdf5::read_text(file, "config")};
}

/// Reads all that there is in a file, in another process.
void rehearse_reading(const std::filesystem::path& path,
                      const PinnedFile& pinned, std::uint64_t size) {
  const auto try_out = [&](auto part) {
    try {
      part(hdf5::open_to_read(pinned.path()));
    } catch (const Error&) {  // as it will be here
    }
  };
  const auto problem = hdf5::rehearse_reading(size, [&] {
    try_out([&](const hdf5::Handle& file) {
      read_rows(path, file, [](const Row&) {});
    });
    try_out(losses_of);
    try_out(provenance_of);
  });
  if (problem) throw hdf5::Hdf5Error(*problem);
}

hdf5::Handle open_shard(const std::filesystem::path& path) {
  const PinnedFile pinned(path);
  const Content content = check_content(pinned, path.string());
  if (!content.has_checksum) rehearse_reading(path, pinned, content.size);
  hdf5::Handle file = hdf5::open_to_read(pinned.path());
  if (hdf5::content_size(file) != content.size) {
    throw hdf5::Hdf5Error("its checksum is lost");
  }
  check_shard(path, file);
  return file;
}

/// Runs `body` on a shard; what HDF5 throws in it means that the file is
/// damaged.
template <class Body>
auto reading(const std::filesystem::path& path, Body body) {
  try {
    return body(open_shard(path));
  } catch (const hdf5::Hdf5Error& error) {
    fail_user(
        "{}: damaged or incomplete shard ({}); move it away and run the farm "
        "again, which computes its rows anew",
        path.string(), error.what());
  }
}

}  // namespace

void for_each_row(const std::filesystem::path& path,
                  const std::function<void(const Row&)>& take) {
  reading(path, [&](const hdf5::Handle& file) { read_rows(path, file, take); });
}

std::vector<float> read_curves(const std::filesystem::path& path) {
  return reading(path, losses_of);
}

Provenance read_provenance(const std::filesystem::path& path) {
  return reading(path, provenance_of);
}

std::vector<std::filesystem::path> shards_in(
    const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> shards;
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  if (error) {
    fail_user("{}: cannot be listed ({})", directory.string(), error.message());
  }
  for (const auto& entry : entries) {
    if (entry.path().extension() == ".h5") shards.push_back(entry.path());
  }
  std::ranges::sort(shards);
  return shards;
}

}  // namespace cape::shard
