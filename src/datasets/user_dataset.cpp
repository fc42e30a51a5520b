#include "datasets/user_dataset.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "datasets/array_file.h"
#include "datasets/cifar_binary.h"
#include "datasets/user_labels.h"

namespace cape::datasets {
namespace {

/// The orders that networks take: vectors, sequences, grey and other images.
constexpr std::string_view kOwnLayouts[] = {"nd", "ntd", "nhw", "nchw"};

std::string shape_text(const Array& array) {
  return array.shape.empty() ? "one number"
                             : fmt::format("{}", fmt::join(array.shape, " x "));
}

/// Turns the axes of `x`, which are those of `layout`, to one of kOwnLayouts.
Array arranged(Array x, const std::string& layout, const std::string& file) {
  if (x.shape.size() != layout.size()) {
    fail_user("{}: an array of {}, but layout: {} names {} axes", file,
              shape_text(x), layout, layout.size());
  }
  const auto* const ours =
      std::ranges::find_if(kOwnLayouts, [&](std::string_view candidate) {
        return std::ranges::is_permutation(candidate, layout);
      });
  std::vector<std::size_t> axes;
  for (const char axis : *ours) axes.push_back(layout.find(axis));
  if (*ours != layout) x = transposed(x, axes);
  if (*ours == "nhw") x.shape.insert(x.shape.begin() + 1, 1);
  return x;
}

/// The layout of an array for which the user gave none.
std::string usual_layout(const StoredArray& stored, const UserDataset& user) {
  const std::vector<std::int64_t>& shape = stored.array.shape;
  const bool bytes = stored.array.type == ElementType::uint8;
  if (stored.array.elements.empty()) {
    fail_user("{}: an array of {} holds no samples", user.x,
              shape_text(stored.array));
  }
  if (shape.size() < 2 || shape.size() > 4) {
    fail_user(
        "{}: an array of {}, but samples are vectors [N, D], sequences "
        "[N, T, D] or images [N, C, H, W]",
        user.x, shape_text(stored.array));
  }
  if (shape.size() == 2) return "nd";
  if (shape.size() == 3) return stored.format == "idx" && bytes ? "nhw" : "ntd";
  const std::int64_t last = shape[3];
  if ((last == 1 || last == 3 || last == 4) && shape[1] > last &&
      shape[2] > last) {
    fail_user(
        "{}: an array of {} looks like images with the {} last (N x H x W x "
        "C); give layout: nhwc, or layout: nchw if it is N x C x H x W",
        user.x, shape_text(stored.array), last == 1 ? "channel" : "channels");
  }
  return "nchw";
}

/// What to say where bytes may have been meant as images.
std::string axes_note(const StoredArray& stored, const UserDataset& user,
                      const std::string& layout) {
  constexpr std::int64_t kSmallestImage = 8;
  const std::vector<std::int64_t>& shape = stored.array.shape;
  if (!user.layout.empty() || layout != "ntd" || user.task == Task::sequence ||
      stored.array.type != ElementType::uint8 || shape[1] < kSmallestImage ||
      shape[2] < kSmallestImage) {
    return {};
  }
  return fmt::format(
      "{}: {} bytes were taken as sequences of {} steps (N x T x D); give "
      "layout: nhw if they are grey images, or layout: ntd if this is right",
      user.x, shape_text(stored.array), shape[1]);
}

void check_format(const std::string& found, const UserDataset& user,
                  const std::string& file) {
  if (user.format.empty() || user.format == found) return;
  fail_user("{}: found the format {}, not {}; remove format: or correct it",
            file, found, user.format);
}

/// Checks that all elements are tokens.
void take_tokens(Array x, const UserDataset& user, Dataset& dataset) {
  if (x.shape.size() != 2) {
    fail_user("{}: an array of {}, but tokens are [N, T]", user.x,
              shape_text(x));
  }
  DatasetInfo& info = dataset.info;
  info.samples = x.count();
  info.shape = {x.shape[1]};
  info.images = false;
  const std::int64_t most = user.vocabulary > 0 ? user.vocabulary : kMostTokens;
  double largest = 0;
  std::vector<double> tokens(x.sample_size());
  for (std::int64_t i = 0; i < info.samples; ++i) {
    x.read(static_cast<std::size_t>(i) * tokens.size(), tokens);
    for (const double token : tokens) {
      const bool is_token = token >= 0 && token < static_cast<double>(most) &&
                            token == std::floor(token);
      if (!is_token) {
        fail_user(
            "{}: sample {} holds {}, but tokens are whole numbers from 0 to "
            "{}{}{}",
            user.x, i, token, most - 1,
            user.vocabulary > 0 ? fmt::format(" (vocabulary: {})", most) : "",
            token < 0 ? "; give padding a token of its own" : "");
      }
      largest = std::max(largest, token);
    }
  }
  info.vocabulary = user.vocabulary > 0
                        ? user.vocabulary
                        : static_cast<std::int64_t>(largest) + 1;
  dataset.mean.assign(tokens.size(), 0);
  dataset.deviation.assign(tokens.size(), 1);
  dataset.inputs = std::move(x);
}

/// Unsigned bytes [N, C, H, W] are images.
void read_samples(const UserDataset& user, Dataset& dataset) {
  const StoredArray stored = read_array_file(user.x);
  check_format(stored.format, user, user.x);
  const std::string layout =
      user.layout.empty() ? usual_layout(stored, user) : user.layout;
  Array x = arranged(stored.array, layout, user.x);
  if (x.elements.empty())
    fail_user("{}: an array of {}", user.x, shape_text(stored.array));
  DatasetInfo& info = dataset.info;
  add_note(info, stored.note);
  if (user.input == InputKind::tokens) {
    take_tokens(std::move(x), user, dataset);
    return;
  }
  if (user.task == Task::sequence && x.shape.size() != 3) {
    fail_user(
        "{}: an array of {}, but the samples of a sequence task are "
        "[N, T, D]",
        user.x, shape_text(stored.array));
  }
  add_note(info, axes_note(stored, user, layout));
  info.samples = x.count();
  info.shape = {x.shape.begin() + 1, x.shape.end()};
  info.images = x.shape.size() == 4 && x.type == ElementType::uint8;
  if (info.images) {
    dataset.inputs = Images{.blocks = {{.bytes = x.elements,
                                        .stride = x.sample_size(),
                                        .count = info.samples}}};
  } else {
    dataset.inputs = std::move(x);
  }
}

/// Reads records of a label and 3 x 32 x 32 pixels.
Array read_cifar(const UserDataset& user, Dataset& dataset) {
  Samples samples = read_cifar_records(open_own_file(user.x));
  dataset.inputs = std::move(samples.inputs);
  dataset.info.samples = std::ssize(samples.labels);
  dataset.info.shape = {3, 32, 32};
  dataset.info.images = true;
  return Array::of(std::move(samples.labels));
}

Array read_labels(const UserDataset& user) {
  StoredArray stored = read_array_file(user.y);
  check_format(stored.format, user, user.y);
  return std::move(stored.array);
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
  if (user.input == InputKind::tokens) return;
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
  if (info.vocabulary > 0) {
    const std::string tokens = fmt::format("{} tokens;", info.vocabulary);
    hasher.update(tokens.data(), tokens.size());
  }
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
  static const std::vector<std::string> kFormats = [] {
    std::vector<std::string> formats = array_formats();
    formats.emplace_back(kCifarFormat);
    return formats;
  }();
  return kFormats;
}

const std::vector<std::string>& user_layouts() {
  static const std::vector<std::string> kLayouts = {
      "nd",  "dn",  "ntd",  "tnd",  "ndt", "dtn",
      "nhw", "hwn", "nchw", "nhwc", "hwcn"};
  return kLayouts;
}

void to_json(nlohmann::json& json, const UserDataset& user) {
  json = {{"format", user.format},
          {"x", user.x},
          {"y", user.y},
          {"layout", user.layout},
          {"input", user.input},
          {"vocabulary", user.vocabulary},
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
  user.layout = json.value("layout", "");
  user.input = json.value("input", InputKind::numbers);
  user.vocabulary = whole_number(json.value("vocabulary", nlohmann::json(0)));
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
  if (user.format == kCifarFormat) {
    take_labels(read_cifar(user, dataset), user.x, user.classes, "", dataset);
  } else {
    read_samples(user, dataset);
    check_finite(dataset, user.x);
    take_labels(read_labels(user), user.y, user.classes, user.layout, dataset);
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
    found.vocabulary = info.vocabulary;
    found.note = info.note;
  } catch (const UserError& error) {
    found.problem = error.what();
  }
  return found;
}

}  // namespace cape::datasets
