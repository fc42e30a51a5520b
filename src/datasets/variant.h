/// Variants of a data set: the same samples made easier or harder. With them a
/// predictor learns from more than a few data sets.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "core/random.h"
#include "datasets/batch.h"
#include "datasets/dataset.h"

namespace cape::datasets {

/// What is changed, in this order, except that pixels are inverted before they
/// are averaged.
struct Variant {
  std::int64_t classes = 0;  ///< number of classes that take part; 0: all
  double label_noise = 0;    ///< share of the labels that are drawn afresh
  std::int64_t lowres = 1;   ///< pixels of a square of this side become equal
  bool invert = false;       ///< pixels p become 255 - p
  double scale = 1;          ///< factor of the inputs, as the network has them
  double noise = 0;          ///< deviation of Gaussian noise added to these

  bool operator==(const Variant&) const = default;
};

/// What differs from the data set itself; an empty object if nothing does.
nlohmann::json to_json(const Variant& variant);

/// Throws nlohmann's exceptions if `json` was not made by to_json.
Variant variant_from(const nlohmann::json& json);

/// Why `info` cannot have such a variant, as a message; empty if it can.
std::string problem_of(const Variant& variant, const DatasetInfo& info);

/// A variant drawn from the documented ranges (docs/configuration.md).
Variant sample_variant(const DatasetInfo& info, Random& random);

/// The `info` of the variant: its classes and its share of the samples. N stays
/// that of the data set.
DatasetInfo varied(DatasetInfo info, const Variant& variant);

/// A batch of `size` different samples. Each kind of random draw has a
/// generator of its own, from hash(`seed`, what is drawn), so a batch without a
/// variant does not depend on what variants draw. Throws Error if there are too
/// few samples.
Batch draw_batch(const Dataset& dataset, const Variant& variant,
                 std::int64_t size, const BatchForm& form, std::uint64_t seed);

}  // namespace cape::datasets
