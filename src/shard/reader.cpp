#include "shard/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <system_error>

#include "shard/checksum.h"
#include "shard/record.h"

namespace cape::shard {
namespace {

constexpr std::size_t kRowsPerRead = 4096;

/// The schema version of a file. Throws what is wrong with it as a whole.
int check_shard(const std::filesystem::path& path, const hdf5::Handle& file) {
  if (!hdf5::has_attribute(file, "schema_version")) {
    fail_user(
        "{}: no shard (it has no attribute schema_version); name only files "
        "that cape_farm wrote",
        path.string());
  }
  if (hdf5::has_attribute(file, "format_version")) {
    const int format = hdf5::read_int_attribute(file, "format_version");
    if (format > kFormatVersion) {
      fail_user(
          "{}: its format_version is {}, this program reads up to {}; read it "
          "with the newer program that wrote it, or update this one",
          path.string(), format, kFormatVersion);
    }
  }
  return hdf5::read_int_attribute(file, "schema_version");
}

/// Refuses a table that lacks a column which shards of its version have.
void check_columns(const std::filesystem::path& path, int version,
                   const RecordLayout& layout) {
  for (const Column& column : columns()) {
    const bool is_there = std::ranges::any_of(
        layout.fields(),
        [&](const Field& field) { return field.column == &column; });
    if (is_there || column.since > version) continue;
    fail_user(
        "{}: /trials has no column '{}', which shards have since "
        "schema_version {} (this one says {}); take the file as cape_farm "
        "wrote it",
        path.string(), column.name, column.since, version);
  }
}

/// The names of the columns that this program does not know.
std::vector<std::string> unknown_columns(const hdf5::Handle& type) {
  std::vector<std::string> unknown;
  const int members = H5Tget_nmembers(type);
  for (int m = 0; m < members; ++m) {
    const std::unique_ptr<char, herr_t (*)(void*)> name(
        H5Tget_member_name(type, static_cast<unsigned>(m)), H5free_memory);
    if (name == nullptr) throw hdf5::Hdf5Error("a column has no name");
    if (std::ranges::find(columns(), std::string_view(name.get()),
                          &Column::name) == columns().end()) {
      unknown.emplace_back(name.get());
    }
  }
  return unknown;
}

ShardContent read_rows(const std::filesystem::path& path,
                       const hdf5::Handle& file,
                       const std::function<void(const Row&)>& take) {
  const int version = check_shard(path, file);
  if (!hdf5::exists(file, "trials")) {
    fail_user(
        "{}: no shard (it has no /trials); name only files that "
        "cape_farm wrote",
        path.string());
  }
  const hdf5::Handle trials = hdf5::open_dataset(file, "trials");
  const hdf5::Handle stored(H5Dget_type(trials), H5Tclose, "get a type");
  if (H5Tget_class(stored) != H5T_COMPOUND) {
    fail_user("{}: /trials is no table of named columns; is it a shard?",
              path.string());
  }
  RecordUnpacker unpacker(RecordLayout::stored_as(stored, path.string()));
  check_columns(path, version, unpacker.layout());
  const hdf5::Handle type = unpacker.layout().type();
  const std::size_t size = unpacker.layout().size();
  const std::uint64_t total = hdf5::length(trials);
  std::vector<char> bytes(std::min<std::uint64_t>(total, kRowsPerRead) * size);
  for (std::uint64_t first = 0; first < total; first += kRowsPerRead) {
    const std::size_t count =
        std::min<std::uint64_t>(kRowsPerRead, total - first);
    // Where the file has just these columns nothing is converted.
    hdf5::read(trials, type, first, count, bytes.data());
    for (std::size_t i = 0; i < count; ++i) {
      take(unpacker.unpack(bytes.data() + i * size));
    }
  }
  return {.unknown_columns = unknown_columns(stored)};
}

std::vector<float> losses_of(const hdf5::Handle& file) {
  const hdf5::Handle dataset = hdf5::open_dataset(file, "curves/loss");
  std::vector<float> losses(hdf5::length(dataset));
  hdf5::read(dataset, H5T_NATIVE_FLOAT, 0, losses.size(), losses.data());
  return losses;
}

bool has_steps(const hdf5::Handle& file) {
  return hdf5::exists(file, "curves") && hdf5::exists(file, "curves/step");
}

std::vector<std::int32_t> steps_of(const hdf5::Handle& file) {
  if (!has_steps(file)) return {};
  const hdf5::Handle dataset = hdf5::open_dataset(file, "curves/step");
  std::vector<std::int32_t> steps(hdf5::length(dataset));
  hdf5::read(dataset, H5T_NATIVE_INT32, 0, steps.size(), steps.data());
  return steps;
}

Provenance provenance_of(const hdf5::Handle& file) {
  return {hdf5::read_text_attributes(file), hdf5::read_text(file, "config")};
}

/// Reads all that there is in a file, in another process.
void read_in_child(const std::filesystem::path& path, const PinnedFile& pinned,
                   std::uint64_t size) {
  const auto try_out = [&](auto part) {
    try {
      part(hdf5::open_to_read(pinned.path()));
    } catch (const Error&) {  // as it will be here
    }
  };
  const auto problem = hdf5::read_in_child(size, [&] {
    try_out([&](const hdf5::Handle& file) {
      read_rows(path, file, [](const Row&) {});
    });
    try_out(losses_of);
    try_out(steps_of);
    try_out(provenance_of);
  });
  if (problem) throw hdf5::Hdf5Error(*problem);
}

hdf5::Handle open_shard(const std::filesystem::path& path) {
  const PinnedFile pinned(path);
  const Content content = check_content(pinned, path.string());
  if (!content.has_checksum) read_in_child(path, pinned, content.size);
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

ShardContent for_each_row(const std::filesystem::path& path,
                          const std::function<void(const Row&)>& take) {
  return reading(path, [&](const hdf5::Handle& file) {
    return read_rows(path, file, take);
  });
}

std::vector<float> read_curves(const std::filesystem::path& path) {
  return reading(path, losses_of);
}

std::vector<std::int32_t> read_curve_steps(const std::filesystem::path& path) {
  return reading(path, steps_of);
}

Curve read_curve(const std::filesystem::path& path, std::int64_t offset,
                 std::int64_t length) {
  return reading(path, [&](const hdf5::Handle& file) {
    const hdf5::Handle dataset = hdf5::open_dataset(file, "curves/loss");
    const auto total = static_cast<std::int64_t>(hdf5::length(dataset));
    if (offset < 0 || length < 0 || offset > total - length) {
      fail_user("{}: a row has the losses {} to {}, the file has {}",
                path.string(), offset, offset + length, total);
    }
    std::vector<float> losses(static_cast<std::size_t>(length));
    hdf5::read(dataset, H5T_NATIVE_FLOAT, static_cast<std::uint64_t>(offset),
               losses.size(), losses.data());
    Curve curve(losses);
    if (!has_steps(file)) return curve;
    const hdf5::Handle steps = hdf5::open_dataset(file, "curves/step");
    if (static_cast<std::int64_t>(hdf5::length(steps)) != total) {
      fail_user("{}: /curves/step has {} numbers, /curves/loss {}",
                path.string(), hdf5::length(steps), total);
    }
    hdf5::read(steps, H5T_NATIVE_INT32, static_cast<std::uint64_t>(offset),
               curve.steps.size(), curve.steps.data());
    return curve;
  });
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
