#include "trial/protocol.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"

namespace cape::trial {
namespace {

using nlohmann::json;

// A line longer than this, or a curve, comes from something gone mad.
constexpr std::size_t kMaxLine = 16 << 20;
constexpr std::int64_t kMaxCurve = 1 << 26;

static_assert(std::endian::native == std::endian::little,
              "curves travel as little-endian float32");

/// JSON has no NaN or infinity: null stands for both.
json number(double value) {
  return std::isfinite(value) ? json(value) : json(nullptr);
}

double number_from(const json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN()
                         : value.get<double>();
}

json to_json(const CriterionResult& result) {
  json j = {{"criterion", to_json(result.criterion)},
            {"t_star", result.t_star},
            {"stop_reason", result.stop_reason},
            {"steps_run", result.steps_run},
            {"final_loss", number(result.final_loss)}};
  if (result.best) {
    j["best"] = {{"epoch", result.best->epoch},
                 {"loss", number(result.best->validation.loss)},
                 {"score", number(result.best->validation.score)}};
  }
  return j;
}

CriterionResult criterion_result_from(const json& j) {
  CriterionResult result{.criterion = criterion_from(j.at("criterion")),
                         .t_star = whole_number(j.at("t_star")),
                         .stop_reason = j.at("stop_reason"),
                         .steps_run = whole_number(j.at("steps_run")),
                         .final_loss = number_from(j.at("final_loss"))};
  if (const auto best = j.find("best"); best != j.end()) {
    result.best = {.epoch = whole_number(best->at("epoch")),
                   .validation = {.loss = number_from(best->at("loss")),
                                  .score = number_from(best->at("score"))}};
  }
  return result;
}

/// Calls visit(name, number) for each feature that is of training mode, of the
/// batch or of the network. The names are those of the columns.
template <class Probe, class Visit>
void visit_features(Probe& probe, const Visit& visit) {
  auto& training = probe.training_mode;
  visit("train_loss_0", training.loss);
  visit("train_mean_gradient2", training.mean_g2);
  visit("train_gradient_l1", training.gradient_l1);
  visit("train_step_loss_1", training.step_losses[0]);
  visit("train_step_loss_2", training.step_losses[1]);
  visit("train_step_loss_4", training.step_losses[2]);
  visit("train_step_loss_8", training.step_losses[3]);
  visit("probe_dropout", training.dropout);
  visit("input_rms", probe.batch.input_rms);
  visit("effective_rank", probe.batch.effective_rank);
  visit("neighbour_agreement", probe.batch.neighbour_agreement);
  visit("constant_inputs", probe.batch.constant_inputs);
  visit("weight_layers", probe.network.weight_layers);
  visit("widest_layer", probe.network.widest_layer);
  visit("convolution_share", probe.network.convolution_share);
  visit("norm_parameters", probe.network.norm_parameters);
  visit("recurrent_weights", probe.network.recurrent_weights);
  visit("dropout_rate", probe.dropout_rate);
  if (!probe.set) return;
  visit("set_agreement_100", probe.set->agreement_few);
  visit("set_agreement_400", probe.set->agreement_many);
  visit("set_rank_400", probe.set->rank_many);
  for (std::size_t k = 0; k < SetFeatures::kKernelTimes.size(); ++k) {
    const std::string time = std::to_string(SetFeatures::kKernelTimes[k]);
    visit("set_kernel_training_" + time, probe.set->kernel_training[k]);
    visit("set_kernel_held_out_" + time, probe.set->kernel_held_out[k]);
  }
}

json to_json(const ProbeResult& probe) {
  json j = {{"g2", number(probe.g2)}, {"tau", number(probe.tau)}};
  if (probe.extended) {
    j["extended"] = {{"loss", number(probe.extended->loss)},
                     {"mean_gradient2", number(probe.extended->mean_g2)},
                     {"label_entropy", number(probe.extended->label_entropy)},
                     {"logit_spread", number(probe.extended->logit_spread)}};
    visit_features(*probe.extended, [&](const std::string& name, double value) {
      j["extended"][name] = number(value);
    });
  }
  return j;
}

ProbeResult probe_result_from(const json& j) {
  ProbeResult probe{.g2 = number_from(j.at("g2")),
                    .tau = number_from(j.at("tau")),
                    .extended = {}};
  if (const auto found = j.find("extended"); found != j.end()) {
    ExtendedProbe& extended = probe.extended.emplace();
    extended.loss = number_from(found->at("loss"));
    extended.mean_g2 = number_from(found->at("mean_gradient2"));
    extended.label_entropy = number_from(found->at("label_entropy"));
    extended.logit_spread = number_from(found->at("logit_spread"));
    if (found->contains("set_rank_400")) extended.set.emplace();
    visit_features(extended, [&](const std::string& name, double& value) {
      value = number_from(found->at(name));
    });
  }
  return probe;
}

json to_json(const TrialResult& result) {
  json outcomes = json::array();
  for (const CriterionResult& outcome : result.outcomes) {
    outcomes.push_back(to_json(outcome));
  }
  return {{"trajectory", result.trajectory},
          {"parameters", result.parameters},
          {"probe", to_json(result.probe)},
          {"initial_loss", number(result.initial_loss)},
          {"outcomes", std::move(outcomes)},
          {"probe_seconds", result.probe_seconds},
          {"step_seconds", number(result.step_seconds)},
          {"evaluation_seconds", number(result.evaluation_seconds)},
          {"device", result.device},
          {"threads", result.threads},
          {"notes", result.notes}};
}

TrialResult trial_result_from(const json& j) {
  TrialResult result{.trajectory = j.at("trajectory"),
                     .parameters = whole_number(j.at("parameters")),
                     .probe = probe_result_from(j.at("probe")),
                     .initial_loss = number_from(j.at("initial_loss")),
                     .outcomes = {},
                     .probe_seconds = j.at("probe_seconds"),
                     .step_seconds = number_from(j.at("step_seconds")),
                     .device = j.at("device"),
                     .threads = whole_number(j.at("threads")),
                     .losses = {}};
  result.evaluation_seconds = number_from(j.at("evaluation_seconds"));
  j.at("notes").get_to(result.notes);
  for (const json& outcome : j.at("outcomes")) {
    result.outcomes.push_back(criterion_result_from(outcome));
  }
  return result;
}

json to_json(const DatasetRef& dataset) {
  json j = {{"name", dataset.name},
            {"directory", dataset.directory},
            {"fingerprint", dataset.fingerprint},
            {"variant", to_json(dataset.variant)}};
  if (dataset.user) j["own"] = *dataset.user;
  return j;
}

DatasetRef dataset_ref_from(const json& j) {
  DatasetRef dataset;
  j.at("name").get_to(dataset.name);
  j.at("directory").get_to(dataset.directory);
  j.at("fingerprint").get_to(dataset.fingerprint);
  dataset.variant = datasets::variant_from(j.at("variant"));
  if (const auto own = j.find("own"); own != j.end()) {
    dataset.user = own->get<datasets::UserDataset>();
  }
  return dataset;
}

json parse_line(std::string_view line) {
  try {
    return json::parse(line);
  } catch (const json::exception&) {
    fail("not a line of the task protocol: '{}'", line.substr(0, 200));
  }
}

/// Runs `read` on a parsed line; a key missing or of another type is an Error.
template <class Read>
auto checked(std::string_view line, const Read& read) {
  try {
    return read();
  } catch (const json::exception& error) {
    fail("not a line of the task protocol ({}): '{}'", error.what(),
         line.substr(0, 200));
  }
}

std::int64_t curve_length(const json& line, const char* key) {
  const std::int64_t length = whole_number(line.at(key));
  if (length < 0 || length > kMaxCurve) fail("a curve of {} steps", length);
  return length;
}

std::string encode_result(const TrialResult& result) {
  const json line = {{"result", to_json(result)},
                     {"curve_length", result.losses.size()},
                     {"validation_length", result.validation_losses.size()}};
  std::string bytes = line.dump() + "\n";
  for (const std::vector<float>* curve :
       {&result.losses, &result.validation_losses, &result.validation_scores}) {
    bytes.append(reinterpret_cast<const char*>(curve->data()),
                 curve->size() * sizeof(float));
  }
  return bytes;
}

}  // namespace

json to_json(const ProbeSettings& settings) {
  return {{"extended", settings.extended}};
}

ProbeSettings probe_settings_from(const json& j) {
  return {.extended = j.at("extended")};
}

std::string encode(const TrialTask& task) {
  json criteria = json::array();
  for (const Criterion& criterion : task.criteria) {
    criteria.push_back(to_json(criterion));
  }
  const json body = {{"trajectory", task.trajectory},
                     {"architecture", zoo::to_json(task.architecture)},
                     {"dataset", to_json(task.dataset)},
                     {"learning_rate", task.learning_rate},
                     {"batch_size", task.batch_size},
                     {"optimizer", to_json(task.optimizer)},
                     {"target", to_json(task.target)},
                     {"criteria", std::move(criteria)},
                     {"seed", task.seed},
                     {"probe", to_json(task.probe)},
                     {"timed_steps", task.timed_steps ? json(*task.timed_steps)
                                                      : json(nullptr)}};
  return json{{"task", body}}.dump() + "\n";
}

TrialTask decode_task(std::string_view line) {
  const json parsed = parse_line(line);
  return checked(line, [&] {
    const json& j = parsed.at("task");
    TrialTask task{
        .trajectory = j.at("trajectory"),
        .architecture = zoo::architecture_from(j.at("architecture")),
        .dataset = dataset_ref_from(j.at("dataset")),
        .learning_rate = j.at("learning_rate"),
        .batch_size = whole_number(j.at("batch_size")),
        .optimizer = optimizer_from(j.at("optimizer")),
        .target = target_from(j.at("target")),
        .criteria = {},
        .seed = static_cast<std::uint64_t>(whole_number(j.at("seed"))),
        .probe = probe_settings_from(j.at("probe")),
        .timed_steps = {}};
    for (const json& criterion : j.at("criteria")) {
      task.criteria.push_back(criterion_from(criterion));
    }
    if (!j.at("timed_steps").is_null()) {
      task.timed_steps = whole_number(j.at("timed_steps"));
    }
    return task;
  });
}

std::string encode(const TrainerMessage& message) {
  if (const auto* hello = std::get_if<Hello>(&message)) {
    return json{{"hello",
                 {{"protocol", hello->protocol},
                  {"torch", hello->torch},
                  {"device", hello->device}}}}
               .dump() +
           "\n";
  }
  if (const auto* failure = std::get_if<Failure>(&message)) {
    const json body = {{"trajectory", failure->trajectory},
                       {"kind", failure->kind},
                       {"message", failure->message}};
    // What a library says may not be UTF-8.
    return to_text(json{{"failure", body}}) + "\n";
  }
  return encode_result(std::get<TrialResult>(message));
}

std::optional<TrainerMessage> TrainerMessageReader::next() {
  const std::size_t end = buffer_.find('\n');
  if (end == std::string::npos) {
    if (buffer_.size() > kMaxLine) fail("a line without end from the trainer");
    return std::nullopt;
  }
  const std::string_view line(buffer_.data(), end);
  const json parsed = parse_line(line);
  std::size_t used = end + 1;
  std::optional<TrainerMessage> message;
  checked(line, [&] {
    if (parsed.contains("hello")) {
      const json& j = parsed["hello"];
      message = Hello{static_cast<int>(whole_number(j.at("protocol"))),
                      j.at("torch"), j.at("device")};
    } else if (parsed.contains("failure")) {
      const json& j = parsed["failure"];
      message = Failure{j.at("trajectory"), j.at("kind"), j.at("message")};
    } else {
      TrialResult result = trial_result_from(parsed.at("result"));
      const std::int64_t losses = curve_length(parsed, "curve_length");
      const std::int64_t epochs = curve_length(parsed, "validation_length");
      const auto numbers = static_cast<std::size_t>(losses + 2 * epochs);
      if (buffer_.size() - used < numbers * sizeof(float)) {
        return;  // the rest is on its way
      }
      const auto take = [&](std::int64_t length, std::vector<float>& curve) {
        curve.resize(static_cast<std::size_t>(length));
        if (length == 0) return;
        std::memcpy(curve.data(), buffer_.data() + used,
                    curve.size() * sizeof(float));
        used += curve.size() * sizeof(float);
      };
      take(losses, result.losses);
      take(epochs, result.validation_losses);
      take(epochs, result.validation_scores);
      message = std::move(result);
    }
  });
  if (message) buffer_.erase(0, used);
  return message;
}

}  // namespace cape::trial
