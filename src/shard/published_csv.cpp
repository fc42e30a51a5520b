#include "shard/published_csv.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <tuple>

#include "core/error.h"
#include "core/hash.h"
#include "datasets/registry.h"
#include "shard/csv.h"
#include "shard/csv_table.h"
#include "zoo/facts.h"

namespace cape::shard {
namespace {

constexpr std::int32_t kMaxSteps = 5000;  // of the published protocol
constexpr double kMostLogN = 40;          // what an integer can count

struct Name {
  std::string_view published;
  std::string_view ours;
};

constexpr Name kDatasets[] = {{"MNIST", "mnist"},
                              {"FashionMNIST", "fashion_mnist"},
                              {"CIFAR10", "cifar10"},
                              {"CIFAR100", "cifar100"}};

/// What the files do not say of their data sets; nothing of an unknown one.
void set_dataset_facts(Row& row) {
  const auto& known = datasets::registry();
  const auto found = std::ranges::find(known, row.dataset.view(),
                                       &datasets::KnownDataset::name);
  if (found == known.end()) return;
  row.classes = static_cast<std::int32_t>(found->classes);
  row.input_size = static_cast<std::int64_t>(datasets::sample_size(*found));
}

/// The columns that every published file has.
constexpr const char* kRequired[] = {
    "dataset", "learning_rate", "batch_size",  "epsilon",     "logP",
    "logB",    "logG2",         "logTau",      "logLR",       "logN",
    "T_star",  "converged",     "logInitLoss", "logFinalLoss"};

/// The columns that some of them have.
constexpr const char* kOptional[] = {"censored_reason", "cnn_family",
                                     "depth_signature", "downsample_type",
                                     "architecture"};

/// Our name for a published one; unknown names stay as they are.
std::string_view translated(std::span<const Name> names,
                            std::string_view published) {
  const auto found = std::ranges::find(names, published, &Name::published);
  return found == names.end() ? published : found->ours;
}

std::string infer_family(const std::filesystem::path& path,
                         const CsvTable& file) {
  if (file.has("cnn_family")) return "cnn";
  if (file.has("architecture")) return "transformer";
  const std::string name = path.filename().string();
  for (const char* family : {"mlp", "rnn"}) {
    if (name.find(family) != name.npos) return family;
  }
  fail_user(
      "{}: its columns do not tell the family of its networks; name it with "
      "'mlp' or 'rnn' in the file name, as in meta_dataset_mlp.csv",
      path.string());
}

void set_architecture(const CsvTable& file, Row& row) {
  nlohmann::json json;
  for (const char* column :
       {"architecture", "cnn_family", "depth_signature", "downsample_type"}) {
    if (file.has(column)) json[column] = file.text(column);
  }
  if (!json.empty()) row.architecture_json = json.dump();
  if (file.has("architecture")) {
    const std::string& name = file.text("architecture");
    const std::string_view ours = zoo::kind_published_as(name);
    row.architecture = ours.empty() ? name : ours;
  } else if (file.has("cnn_family")) {
    row.architecture = file.text("cnn_family");
  }
}

void set_settings(const CsvTable& file, Row& row) {
  row.dataset = translated(kDatasets, file.text("dataset"));
  row.task = "classification";
  row.target = "batch_steps";
  row.learning_rate = file.number("learning_rate");
  set_dataset_facts(row);
  row.batch_size = file.integer("batch_size", 1);
  row.epsilon = file.number("epsilon");
}

void set_features(const CsvTable& file, Row& row) {
  row.log_p = file.number("logP");
  row.log_g2 = file.number("logG2");
  row.log_tau = file.number("logTau");
  row.log_n = file.number("logN", kMostLogN);
  row.log_lr = file.number("logLR");
  row.log_b = file.number("logB");
  row.samples_available = std::llround(std::exp(row.log_n));
}

void set_outcome(const CsvTable& file, Row& row) {
  // T_star counts loss evaluations from 1, t_star updates.
  row.steps_run = file.integer("T_star", 2) - 1;
  row.converged = file.truth("converged");
  row.t_star = row.converged ? row.steps_run : kMaxSteps;
  row.stop_reason = "converged";
  if (!row.converged) {
    const bool plateau = file.has("censored_reason") &&
                         file.text("censored_reason") == "plateau";
    row.stop_reason = plateau ? "plateau" : "max_steps";
  }
  row.initial_loss = std::exp(file.number("logInitLoss"));
  row.final_loss = std::exp(file.number("logFinalLoss"));
}

void set_from_file(const CsvTable& file, Row& row) {
  try {
    set_architecture(file, row);
    set_settings(file, row);
    set_features(file, row);
    set_outcome(file, row);
  } catch (const UserError&) {
    throw;
  } catch (const Error& error) {  // a text that fits no column
    fail_user("{}: {}; mend or remove the line", file.where(), error.what());
  } catch (const nlohmann::json::exception&) {
    fail_user("{}: a text that is not UTF-8; mend or remove the line",
              file.where());
  }
}

}  // namespace

std::vector<Row> read_published_csv(const std::filesystem::path& path,
                                    const std::string& family) {
  const std::string text = read_csv_text(path);
  const std::string content = content_hash(text);
  CsvTable file(path.string(), text,
                {"a published CAPE meta-dataset", kRequired, kOptional});
  const std::string known_family =
      family.empty() ? infer_family(path, file) : family;

  std::vector<Row> rows;
  std::map<std::tuple<std::string, double, std::int32_t, double>, std::int64_t>
      trials;
  while (file.next()) {
    Row& row = rows.emplace_back();
    row.key = content_hash(fmt::format("{}/{}", content, rows.size()));
    row.trajectory = row.key;
    row.family = known_family;
    set_from_file(file, row);
    row.trial = trials[{row.dataset.str(), row.learning_rate, row.batch_size,
                        row.epsilon}]++;
  }
  return rows;
}

}  // namespace cape::shard
