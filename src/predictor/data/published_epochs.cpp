#include "predictor/data/published_epochs.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "shard/csv.h"
#include "shard/csv_table.h"

namespace cape::predictor {
namespace {

constexpr const char* kEpochs = "T_conv";
constexpr const char* kLosses = "val_loss_prefix";

std::vector<const char*> epoch_columns() {
  std::vector<const char*> columns(kEpochNames.begin(), kEpochNames.end());
  std::ranges::copy(kEpochNumbers, std::back_inserter(columns));
  columns.push_back(kEpochs);
  columns.push_back(kLosses);
  return columns;
}

/// JSON as Python writes it: the loss of a training that has diverged is NaN,
/// which JSON does not have.
std::vector<double> losses_of(const shard::CsvTable& file) {
  constexpr const char* kWanted =
      "a JSON array of one or more numbers such as [2.3, 1.9]";
  std::string text = file.text(kLosses);
  for (std::size_t at; (at = text.find("NaN")) != text.npos;) {
    text.replace(at, 3, "null");
  }
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array() || json.empty()) file.reject(kLosses, kWanted);
  std::vector<double> losses;
  for (const auto& loss : json) {
    if (!loss.is_number() && !loss.is_null()) file.reject(kLosses, kWanted);
    losses.push_back(loss.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                    : loss.get<double>());
  }
  return losses;
}

PublishedTraining training_of(const shard::CsvTable& file) {
  PublishedTraining training;
  for (std::size_t i = 0; i < kEpochNames.size(); ++i) {
    training.names[i] = file.text(kEpochNames[i]);
    if (training.names[i].empty()) file.reject(kEpochNames[i], "a name");
  }
  for (std::size_t i = 0; i < kEpochNumbers.size(); ++i) {
    training.numbers[i] = file.number(kEpochNumbers[i]);
  }
  training.t_conv = file.integer(kEpochs, 1);
  training.patience = file.integer("patience_P", 1);
  training.min_delta = file.number("min_delta");
  training.max_epochs = file.integer("max_epochs", 1);
  if (training.t_conv > training.max_epochs) {
    file.reject(kEpochs,
                fmt::format("at most max_epochs, {}", training.max_epochs));
  }
  training.losses = losses_of(file);
  return training;
}

}  // namespace

bool has_published_epochs(const std::filesystem::path& path) {
  if (!shard::is_csv(path) || !std::filesystem::exists(path)) return false;
  const std::string text = shard::read_csv_text(path);
  shard::CsvReader reader(text);
  std::vector<std::string> header;
  try {
    reader.next(header);
  } catch (const Error&) {  // a quoted name that does not end
    return false;
  }
  return std::ranges::any_of(header, [](const std::string& column) {
    return column == kEpochs || column == kLosses;
  });
}

std::vector<PublishedTraining> read_published_epochs(
    const std::filesystem::path& path) {
  const std::string text = shard::read_csv_text(path);
  const std::vector<const char*> columns = epoch_columns();
  shard::CsvTable file(path.string(), text,
                       {"the published file of whole trainings", columns, {}});
  std::vector<PublishedTraining> trainings;
  while (file.next()) trainings.push_back(training_of(file));
  if (trainings.empty()) {
    fail_user("{}: no rows below the header; copy it again", path.string());
  }
  return trainings;
}

}  // namespace cape::predictor
