#include "predictor/fit/epochs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/units.h"
#include "predictor/data/inputs.h"
#include "predictor/data/published_epochs.h"
#include "predictor/evaluation/epochs.h"
#include "predictor/fit/model_dir.h"
#include "predictor/report/epochs.h"

namespace cape::predictor {
namespace {

constexpr std::array<std::string_view, 2> kMeaningful = {"--out", "--seed"};

std::optional<std::filesystem::path> first_with_epochs(
    const std::vector<std::filesystem::path>& paths) {
  for (const std::filesystem::path& path : expand_patterns(paths)) {
    if (has_published_epochs(path)) return path;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::filesystem::path> find_published_epochs(
    const FitOptions& options) {
  for (const auto& [option, paths] :
       {std::pair("--test", &options.input.test),
        std::pair("--general", &options.input.general)}) {
    if (const auto file = first_with_epochs(*paths)) {
      fail_user(
          "{} behind {}: this file counts epochs of whole trainings, not steps "
          "on one batch; give it alone, as the only INPUT",
          file->string(), option);
    }
  }
  auto file = first_with_epochs(options.input.inputs);
  if (!file) return std::nullopt;
  if (expand_patterns(options.input.inputs).size() > 1) {
    fail_user(
        "{}: this file counts epochs of whole trainings, not steps on one "
        "batch, and is never fitted together with other inputs; give it alone",
        file->string());
  }
  for (const std::string& option : options.given) {
    if (std::ranges::find(kMeaningful, option) == kMeaningful.end()) {
      fail_user(
          "{} has no meaning for {}, the published file of whole trainings, "
          "which is evaluated as its authors did; leave it out",
          option, file->string());
    }
  }
  return file;
}

void run_epochs(const FitOptions& options, const std::filesystem::path& file) {
  std::vector<PublishedTraining> all = read_published_epochs(file);
  const std::size_t rows = all.size();
  const std::vector<PublishedTraining> trainings =
      authors_trainings(std::move(all), file.string());
  if (holds_model(options.out)) {
    fail_user(
        "{} holds a model, which these tables would replace; choose another "
        "--out",
        options.out.string());
  }
  ModelDirectory directory(options.out);
  fmt::print(stderr, "{}: {} rows, of which {} of ViT and vgg16 are left out\n",
             file.string(), format_count(static_cast<std::int64_t>(rows)),
             rows - trainings.size());
  std::vector<EpochEvaluation> evaluations;
  for (const auto& scheme : enum_names(EpochScheme{}).names) {
    std::ranges::move(
        evaluate_epochs(trainings, scheme.value, options.comparison.seed),
        std::back_inserter(evaluations));
  }
  directory.write({epochs_table(evaluations)}, epochs_json(evaluations));
  directory.publish();
  fmt::print(
      "epochs until early stopping of {} whole trainings, 5 folds, seed {}\n",
      format_count(static_cast<std::int64_t>(trainings.size())),
      options.comparison.seed);
  print_epochs(evaluations, options.out);
}

}  // namespace cape::predictor
