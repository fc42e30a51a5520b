#include "datasets/user_dataset.h"

#include <fmt/ranges.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "datasets/cifar_binary.h"
#include "datasets/gzip.h"
#include "datasets/hdf5_array.h"
#include "datasets/idx.h"
#include "datasets/npy.h"
#include "datasets/user_labels.h"

namespace cape::datasets {
namespace {

constexpr const char* kCifar = "cifar-bin";

/// Maps the file, so that trainers share it.
File map_plain(const std::string& path) {
  File file{path, map_file(path)};
  if (has_gzip_header({file.bytes.data(), file.bytes.size()}))
    fail_user("{}: compressed; unpack it first: gunzip", path);
  return file;
}

Array read_array(const std::string& format, const std::string& path) {
  if (format == "hdf5") return read_hdf5_array(path);
  const File file = map_plain(path);
  return format == "idx" ? parse_idx(file) : parse_npy(file);
}

/// Unsigned bytes [N, C, H, W] are images. An IDX file without channels holds
/// grey images.
Inputs inputs_of(Array x, const UserDataset& user, DatasetInfo& info) {
  if (user.format == "idx" && x.type == ElementType::uint8 &&
      x.shape.size() == 3) {
    x.shape.insert(x.shape.begin() + 1, 1);
  }
  const std::size_t rank = x.shape.size();
  if (rank < 2 || rank > 4 || x.elements.empty()) {
    fail_user(
        "{}: an array of {}, but samples are vectors [N, D], sequences "
        "[N, T, D] or images [N, C, H, W]",
        user.x,
        rank == 0 ? "one number"
                  : fmt::format("{}", fmt::join(x.shape, " x ")));
  }
  if (user.task == Task::sequence && rank != 3) {
    fail_user(
        "{}: an array of {}, but the samples of a sequence task are "
        "[N, T, D]",
        user.x, fmt::join(x.shape, " x "));
  }
  info.samples = x.count();
  info.shape = {x.shape.begin() + 1, x.shape.end()};
  info.images = rank == 4 && x.type == ElementType::uint8;
  if (!info.images) return x;
  return Images{.blocks = {{.bytes = x.elements,
                            .stride = x.sample_size(),
                            .count = info.samples}}};
}

/// Reads records of a label and 3 x 32 x 32 pixels.
void read_cifar(const UserDataset& user, Dataset& dataset) {
  Samples samples = read_cifar_records(map_plain(user.x));
  dataset.inputs = std::move(samples.inputs);
  dataset.info.samples = std::ssize(samples.labels);
  dataset.info.shape = {3, 32, 32};
  dataset.info.images = true;
  take_labels(Array::of(std::move(samples.labels)), user.x, user.classes,
              dataset);
}

/// How the values of a sample share means and deviations: the values of an
/// image by channel, other values by their last dimension.
struct Features {
  std::size_t count, run;

  explicit Features(const std::vector<std::int64_t>& shape)
      : count(static_cast<std::size_t>(shape.size() == 3 ? shape[0]
                                                         : shape.back())),
        run(static_cast<std::size_t>(shape.size() == 3 ? shape[1] * shape[2]
                                                       : 1)) {}

  /// Adds term(value, feature) to the sum of its feature, for all values.
  template <class Term>
  void add(const std::vector<double>& values, const Term& term,
           std::vector<double>& sums) const {
    std::size_t f = 0;
    for (std::size_t k = 0; k < values.size(); f = f + 1 < count ? f + 1 : 0) {
      for (const std::size_t end = k + run; k < end; ++k) {
        sums[f] += term(values[k], f);
      }
    }
  }
};

/// Calls `body` with every sample's values; pixels are divided by 255.
template <class Body>
void each_sample(const Dataset& dataset, const Body& body) {
  std::size_t size = 1;
  for (const std::int64_t extent : dataset.info.shape) size *= extent;
  std::vector<double> values(size);
  for (std::int64_t i = 0; i < dataset.info.samples; ++i) {
    if (const auto* const images = std::get_if<Images>(&dataset.inputs)) {
      const std::uint8_t* const pixels = images->at(i);
      for (std::size_t k = 0; k < size; ++k) values[k] = pixels[k] / 255.0;
    } else {
      std::get<Array>(dataset.inputs).read(i * size, values);
    }
    body(i, values);
  }
}

void check_finite(const Dataset& dataset, const std::string& file) {
  const auto* const array = std::get_if<Array>(&dataset.inputs);
  if (array == nullptr || !is_floating(array->type)) return;
  each_sample(dataset, [&](std::int64_t sample, const auto& values) {
    for (const double value : values) {
      if (std::isfinite(value)) continue;
      fail_user(
          "{}: sample {} holds {}; leave such samples out or replace the value",
          file, sample, value);
    }
  });
}

/// The mean over all values of each feature of `term`(value, feature).
template <class Term>
std::vector<double> feature_means(const Dataset& dataset, const Term& term) {
  const Features features(dataset.info.shape);
  std::vector<double> sums(features.count);
  std::size_t size = 0;
  each_sample(dataset, [&](std::int64_t, const std::vector<double>& values) {
    size = values.size();
    features.add(values, term, sums);
  });
  const std::size_t values_of_each =
      size / features.count * static_cast<std::size_t>(dataset.info.samples);
  for (double& sum : sums) sum /= static_cast<double>(values_of_each);
  return sums;
}

/// The values that the user gives; a single number counts for all features.
std::vector<double> given(const std::vector<double>& values, const char* key,
                          const Dataset& dataset) {
  const std::size_t features = Features(dataset.info.shape).count;
  if (values.size() == features) return values;
  if (values.size() == 1) return std::vector<double>(features, values.front());
  fail_user("{}: gives {} numbers, but its samples of {} have {} {}", key,
            values.size(), fmt::join(dataset.info.shape, " x "), features,
            dataset.info.shape.size() == 3 ? "channels" : "features");
}

void set_scale(const UserDataset& user, Dataset& dataset) {
  dataset.mean = user.mean.empty()
                     ? feature_means(dataset, [](double value,
                                                 std::size_t) { return value; })
                     : given(user.mean, "mean", dataset);
  if (!user.deviation.empty()) {
    dataset.deviation = given(user.deviation, "std", dataset);
    return;
  }
  dataset.deviation =
      feature_means(dataset, [&](double value, std::size_t feature) {
        const double difference = value - dataset.mean[feature];
        return difference * difference;
      });
  for (double& deviation : dataset.deviation) {
    // A feature that is the same in all samples becomes 0.
    deviation = deviation > 0 ? std::sqrt(deviation) : 1;
  }
}

/// The hash of everything that changes a row: contents and the user's settings.
std::string fingerprint(const Dataset& dataset) {
  const DatasetInfo& info = dataset.info;
  const Array& y = dataset.labels;
  const auto* const array = std::get_if<Array>(&dataset.inputs);
  const std::string text = fmt::format(
      "{} x {} {} {};{} {} {};{} {};{};{};", info.samples,
      fmt::join(info.shape, " x "), array ? to_string(array->type) : "images",
      array && array->big_endian, fmt::join(y.shape, " x "), to_string(y.type),
      y.big_endian, to_string(info.task), info.classes,
      fmt::join(dataset.mean, " "), fmt::join(dataset.deviation, " "));
  ContentHasher hasher;
  hasher.update(text.data(), text.size());
  if (array != nullptr) {
    hasher.update(array->elements.data(), array->elements.size());
  } else {
    std::get<Images>(dataset.inputs)
        .hash(info.shape[0] * info.shape[1] * info.shape[2], hasher);
  }
  hasher.update(y.elements.data(), y.elements.size());
  return hasher.digest();
}

}  // namespace

const std::vector<std::string>& user_dataset_formats() {
  static const std::vector<std::string> kFormats = {"npy", "idx", "hdf5",
                                                    kCifar};
  return kFormats;
}

std::string format_by_name(const std::string& file) {
  if (file.find(":/") != std::string::npos) return "hdf5";
  const std::string name = std::filesystem::path(file).filename();
  if (name.ends_with(".npy")) return "npy";
  if (name.ends_with(".h5") || name.ends_with(".hdf5")) return "hdf5";
  if (name.ends_with(".bin")) return kCifar;
  if (name.ends_with("-ubyte") || name.find("idx") != std::string::npos)
    return "idx";
  return {};
}

void to_json(nlohmann::json& json, const UserDataset& user) {
  json = {{"format", user.format},
          {"x", user.x},
          {"y", user.y},
          {"task", user.task},
          {"classes", user.classes},
          {"mean", user.mean},
          {"deviation", user.deviation},
          {"train_size", user.train_size}};
}

void from_json(const nlohmann::json& json, UserDataset& user) {
  json.at("format").get_to(user.format);
  json.at("x").get_to(user.x);
  json.at("y").get_to(user.y);
  json.at("task").get_to(user.task);
  json.at("classes").get_to(user.classes);
  json.at("mean").get_to(user.mean);
  json.at("deviation").get_to(user.deviation);
  json.at("train_size").get_to(user.train_size);
}

Dataset open_user_dataset(const std::string& name, const UserDataset& user) {
  Dataset dataset;
  DatasetInfo& info = dataset.info;
  info.name = name;
  info.task = user.task;
  info.directory = user.x;
  if (user.format == kCifar) {
    read_cifar(user, dataset);
  } else {
    dataset.inputs = inputs_of(read_array(user.format, user.x), user, info);
    check_finite(dataset, user.x);
    take_labels(read_array(user.format, user.y), user.y, user.classes, dataset);
  }
  info.train_size = user.train_size > 0 ? user.train_size : info.samples;
  set_scale(user, dataset);
  info.fingerprint = fingerprint(dataset);
  info.rarest_class = find_rarest_class(dataset);
  return dataset;
}

Found find_user_dataset(const std::string& name, const UserDataset& user) {
  Found found;
  found.name = name;
  found.task = user.task;
  found.directory = user.x;
  try {
    const DatasetInfo info = open_user_dataset(name, user).info;
    found.samples = info.samples;
    found.classes = info.classes;
  } catch (const UserError& error) {
    found.problem = error.what();
  }
  return found;
}

}  // namespace cape::datasets
