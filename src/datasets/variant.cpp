#include "datasets/variant.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"

namespace cape::datasets {
namespace {

Random random_for(std::uint64_t seed, const char* what) {
  return Random(seed_of(fmt::format("{}/{}", seed, what)));
}

/// The classes that take part, in ascending order.
std::vector<std::int64_t> classes_of(const DatasetInfo& info,
                                     const Variant& variant,
                                     std::uint64_t seed) {
  Random random = random_for(seed, "classes");
  std::vector<std::int64_t> classes =
      random.sample(info.classes, variant.classes);
  std::sort(classes.begin(), classes.end());
  return classes;
}

/// The samples of these classes, in the data set's order.
std::vector<std::int64_t> samples_of(const Dataset& dataset,
                                     const std::vector<std::int64_t>& classes) {
  std::vector<bool> wanted(static_cast<std::size_t>(dataset.info.classes));
  for (const std::int64_t c : classes) wanted[c] = true;
  std::vector<std::int64_t> samples;
  for (std::int64_t i = 0; i < dataset.info.samples; ++i) {
    if (wanted[static_cast<std::size_t>(dataset.labels[i])]) {
      samples.push_back(i);
    }
  }
  return samples;
}

std::vector<std::int64_t> draw(std::int64_t samples, std::int64_t size,
                               const std::string& name, std::uint64_t seed) {
  if (size < 1 || size > samples) {
    fail("a batch of {} from the {} samples of {}", size, samples, name);
  }
  return random_for(seed, "batch").sample(samples, size);
}

/// Replaces squares of `side` pixels, cut off at the edges, by their mean.
void lower_resolution(std::int64_t side, Batch& batch) {
  const std::int64_t height = batch.shape[2];
  const std::int64_t width = batch.shape[3];
  for (auto plane = batch.inputs.begin(); plane != batch.inputs.end();
       plane += height * width) {
    for (std::int64_t top = 0; top < height; top += side) {
      for (std::int64_t left = 0; left < width; left += side) {
        const std::int64_t bottom = std::min(top + side, height);
        const std::int64_t right = std::min(left + side, width);
        double sum = 0;
        for (std::int64_t y = top; y < bottom; ++y)
          for (std::int64_t x = left; x < right; ++x)
            sum += plane[y * width + x];
        const auto mean = static_cast<float>(
            sum / static_cast<double>((bottom - top) * (right - left)));
        for (std::int64_t y = top; y < bottom; ++y)
          for (std::int64_t x = left; x < right; ++x)
            plane[y * width + x] = mean;
      }
    }
  }
}

/// Gaussian random numbers by Box and Muller.
double gaussian(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

void vary_inputs(const Variant& variant, std::uint64_t seed, Batch& batch) {
  if (variant.lowres > 1) lower_resolution(variant.lowres, batch);
  if (variant.scale != 1) {
    for (float& x : batch.inputs) x *= static_cast<float>(variant.scale);
  }
  if (variant.noise > 0) {
    Random random = random_for(seed, "noise");
    for (float& x : batch.inputs) {
      x += static_cast<float>(variant.noise * gaussian(random));
    }
  }
}

void vary_labels(const Variant& variant, std::int64_t classes,
                 std::uint64_t seed, Batch& batch) {
  if (variant.label_noise == 0) return;
  Random random = random_for(seed, "label_noise");
  for (std::int64_t& label : batch.labels) {
    if (random.uniform() < variant.label_noise) label = random.below(classes);
  }
}

/// Rounds to a number that is short in a table and the same in every decimal
/// form.
double rounded(double value) { return std::round(value * 1e3) / 1e3; }

}  // namespace

nlohmann::json to_json(const Variant& variant) {
  const Variant none;
  nlohmann::json json = nlohmann::json::object();
  const auto add = [&](const char* name, const auto& value, const auto& usual) {
    if (value != usual) json[name] = value;
  };
  add("classes", variant.classes, none.classes);
  add("label_noise", variant.label_noise, none.label_noise);
  add("lowres", variant.lowres, none.lowres);
  add("invert", variant.invert, none.invert);
  add("scale", variant.scale, none.scale);
  add("noise", variant.noise, none.noise);
  return json;
}

Variant variant_from(const nlohmann::json& json) {
  const Variant none;
  return {
      .classes =
          whole_number(json.value("classes", nlohmann::json(none.classes))),
      .label_noise = json.value("label_noise", none.label_noise),
      .lowres = whole_number(json.value("lowres", nlohmann::json(none.lowres))),
      .invert = json.value("invert", none.invert),
      .scale = json.value("scale", none.scale),
      .noise = json.value("noise", none.noise)};
}

std::string problem_of(const Variant& variant, const DatasetInfo& info) {
  const bool labelled = info.task == Task::classification;
  if (!labelled && (variant.classes > 0 || variant.label_noise > 0)) {
    return fmt::format(
        "classes and label_noise are for classification, {} is for {}",
        info.name, to_string(info.task));
  }
  if (variant.classes > info.classes) {
    return fmt::format("classes is {}, {} has {}", variant.classes, info.name,
                       info.classes);
  }
  if (!info.images && variant.lowres > 1) {
    return fmt::format("lowres is for images, {} has none", info.name);
  }
  if (!info.images && variant.invert) {
    return fmt::format("invert is for images, {} has none", info.name);
  }
  if (info.vocabulary > 0 && (variant.scale != 1 || variant.noise > 0)) {
    return fmt::format("scale and noise are for numbers, {} has tokens",
                       info.name);
  }
  return {};
}

Variant sample_variant(const DatasetInfo& info, Random& random) {
  const auto is_heads = [&] { return random.below(2) == 1; };
  // Every number is drawn, even if it is not used, so that one range does not
  // change the values of the others.
  const bool some_classes = is_heads();
  const bool labelled = info.task == Task::classification;
  const std::int64_t classes =
      2 + random.below(labelled && info.classes > 1 ? info.classes - 1 : 1);
  const bool noisy_labels = is_heads();
  const double label_noise = 0.5 * random.uniform();
  const bool low = is_heads();
  const std::int64_t lowres = is_heads() ? 2 : 4;
  const bool invert = is_heads();
  const double scale = std::pow(4, 2 * random.uniform() - 1);
  const bool noisy = is_heads();
  const double noise = random.uniform();
  return {.classes =
              labelled && some_classes && classes < info.classes ? classes : 0,
          .label_noise = labelled && noisy_labels ? rounded(label_noise) : 0,
          .lowres = info.images && low ? lowres : 1,
          .invert = info.images && invert,
          .scale = info.vocabulary == 0 ? rounded(scale) : 1,
          .noise = noisy && info.vocabulary == 0 ? rounded(noise) : 0};
}

DatasetInfo varied(DatasetInfo info, const Variant& variant) {
  if (variant.classes == 0) return info;
  info.samples = std::llround(static_cast<double>(info.samples) *
                              static_cast<double>(variant.classes) /
                              static_cast<double>(info.classes));
  info.classes = variant.classes;
  return info;
}

Batch draw_batch(const Dataset& dataset, const Variant& variant,
                 std::int64_t size, const BatchForm& form, std::uint64_t seed) {
  const DatasetInfo& info = dataset.info;
  BatchForm of_variant = form;
  of_variant.invert = variant.invert;
  Batch batch;
  if (variant.classes == 0) {
    batch = make_batch(dataset, draw(info.samples, size, info.name, seed),
                       of_variant);
  } else {
    const auto classes = classes_of(info, variant, seed);
    const auto samples = samples_of(dataset, classes);
    auto drawn =
        draw(std::ssize(samples), size,
             fmt::format("{} classes of {}", variant.classes, info.name), seed);
    for (std::int64_t& index : drawn) index = samples[index];
    batch = make_batch(dataset, drawn, of_variant);
    for (std::int64_t& label : batch.labels) {
      label = std::lower_bound(classes.begin(), classes.end(), label) -
              classes.begin();
    }
  }
  vary_labels(variant, varied(info, variant).classes, seed, batch);
  vary_inputs(variant, seed, batch);
  return batch;
}

}  // namespace cape::datasets
