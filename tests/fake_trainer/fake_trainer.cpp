/// Speaks the task protocol as cape_trainer does, without Torch: its loss
/// curves are made up, but the same for the same task. Misbehaves on demand:
/// misbehaviour.h.

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/error.h"
#include "core/random.h"
#include "misbehaviour.h"
#include "trial/full_training_rule.h"
#include "trial/protocol.h"
#include "trial/stopping_rule.h"

namespace {

using namespace cape;  // NOLINT: this is the program

// Of MNIST and its relatives, the data sets that tests farm.
const std::vector<std::int64_t> kShape = {1, 28, 28};
constexpr std::int64_t kClasses = 10;

struct Line {
  int input = -1;
  int output = -1;
  std::string device = "cpu";
  std::int64_t threads = 1;
};

/// Falls from about log 10 to a floor that some epsilons lie below.
float made_up_loss(std::int64_t t, double initial, double rate, double floor) {
  const double falling = std::exp(-rate * static_cast<double>(t));
  return static_cast<float>(initial * (floor + (1 - floor) * falling));
}

std::optional<trial::ExtendedProbe> extended(const trial::TrialTask& task,
                                             Random& random) {
  if (!task.probe.extended) return std::nullopt;
  return trial::ExtendedProbe{
      .loss = 2.2 + 0.2 * random.uniform(),
      .mean_g2 = random.uniform(),
      .label_entropy = 2.3 * random.uniform(),
      .logit_spread = random.uniform(),
      .training_mode = {.loss = 2.2 + 0.2 * random.uniform(),
                        .mean_g2 = random.uniform(),
                        .gradient_l1 = 10 * random.uniform(),
                        .step_losses = {0.9, 0.8, 0.7, 0.9},
                        .dropout = 0},
      .batch = {.input_rms = 1,
                .effective_rank = 10 * random.uniform(),
                .neighbour_agreement = random.uniform(),
                .constant_inputs = 0.1},
      .network = {.weight_layers = 3,
                  .convolution_share = 0,
                  .norm_parameters = 0.01,
                  .recurrent_weights = 0,
                  .widest_layer = 64},
      .dropout_rate = 0};
}

using LossAt = std::function<float(std::int64_t)>;

void train(const trial::BatchSteps& settings, const trial::TrialTask& task,
           const LossAt& loss_at, trial::TrialResult& result) {
  trial::StoppingRule rule(settings, task.criteria);
  std::int64_t t = 0;
  while (rule.observe(loss_at(t))) {
    if (task.timed_steps) break;
    ++t;
  }
  result.losses = {rule.losses().begin(), rule.losses().end()};
  if (!task.timed_steps) result.outcomes = rule.results();
}

/// The validation loss is twice as high, and rises again.
void train(const trial::FullTraining& settings, const trial::TrialTask& task,
           const LossAt& loss_at, trial::TrialResult& result) {
  trial::FullTrainingRule rule(settings, task.batch_size, task.criteria);
  while (const auto wanted = rule.next()) {
    const float loss = loss_at(wanted->updates);
    if (wanted->is_validation) {
      rule.observe_validation(
          2 * loss + 1e-3F * static_cast<float>(wanted->updates), 0.5F);
    } else {
      rule.observe_loss(loss);
      if (task.timed_steps) break;
    }
  }
  result.losses = {rule.losses().begin(), rule.losses().end()};
  result.evaluation_seconds = 0.0001;
  if (task.timed_steps) return;
  result.outcomes = rule.results();
  result.validation_losses = {rule.validation_losses().begin(),
                              rule.validation_losses().end()};
  result.validation_scores = {rule.validation_scores().begin(),
                              rule.validation_scores().end()};
}

trial::TrialResult measure(const trial::TrialTask& task, const Line& line) {
  Random random(task.seed);
  const double initial = 2.2 + 0.2 * random.uniform();
  const double rate = 0.02 + 0.3 * random.uniform();
  const double floor = 0.2 * random.uniform();
  trial::TrialResult result{
      .trajectory = task.trajectory,
      .parameters = zoo::parameter_count(task.architecture, kShape, kClasses),
      .probe = {.g2 = 1 + random.uniform(),
                .tau = 5 + random.uniform(),
                .extended = extended(task, random)},
      .outcomes = {},
      .probe_seconds = 0.001,
      .step_seconds = 0.0001,
      .device = line.device,
      .threads = line.threads,
      .losses = {}};
  const auto loss_at = [&](std::int64_t t) {
    return made_up_loss(t, initial, rate, floor);
  };
  std::visit(
      [&](const auto& settings) { train(settings, task, loss_at, result); },
      task.target);
  result.initial_loss = result.losses.front();
  return result;
}

class FakeTrainer {
 public:
  explicit FakeTrainer(const Line& line) : line_(line) {}

  void serve();

 private:
  void say(std::string_view bytes) const;
  void answer(const trial::TrialTask& task);
  void answer_wrongly(const std::string& kind,
                      const trial::TrialTask& task) const;
  std::optional<std::string> next_line();
  /// True when others work at the same time.
  bool pretend_to_work() const;
  /// Waits for the input to end, but no longer; -1: without limit.
  void wait_for_end(int milliseconds) const;

  Line line_;
  Misbehaviour misbehaviour_;
  std::string buffer_;
  std::int64_t tasks_ = 0;
  bool is_poisoned_ = false;  ///< fails at all that follows
};

void FakeTrainer::say(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::write(line_.output, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) std::exit(1);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::optional<std::string> FakeTrainer::next_line() {
  while (true) {
    const std::size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    char bytes[4096];
    const ssize_t got = ::read(line_.input, bytes, sizeof bytes);
    if (got <= 0) return std::nullopt;
    buffer_.append(bytes, static_cast<std::size_t>(got));
  }
}

void FakeTrainer::wait_for_end(int milliseconds) const {
  pollfd input{line_.input, 0, 0};  // only its end is reported
  if (::poll(&input, 1, milliseconds) > 0) std::exit(0);
}

void FakeTrainer::serve() {
  if (misbehaviour_.always("exit_at_start")) {
    fmt::print(stderr, "cannot load its libraries\n");
    std::exit(9);
  }
  if (misbehaviour_.always("silent_start")) wait_for_end(-1);
  trial::Hello hello{.torch = "0.0-fake", .device = line_.device};
  if (misbehaviour_.always("wrong_protocol")) hello.protocol += 1;
  if (!misbehaviour_.always("no_hello")) say(encode(hello));
  while (const auto line = next_line()) answer(trial::decode_task(*line));
}

bool FakeTrainer::pretend_to_work() const {
  const BusyMark mark;
  const bool crowded = mark.crowded();
  if (const char* pace = std::getenv("FAKE_TRAINER_MS")) {
    wait_for_end(std::atoi(pace));
  }
  return crowded;
}

void FakeTrainer::answer(const trial::TrialTask& task) {
  const bool crowded = pretend_to_work();
  std::string kind = misbehaviour_.at(task, ++tasks_);
  if (kind == "crowded") kind = crowded ? "out_of_memory" : "";
  is_poisoned_ = is_poisoned_ || kind == "poisoned";
  if (is_poisoned_) kind = "failure";
  const std::string right = encode(measure(task, line_));
  const std::map<std::string, std::function<void()>> acts = {
      {"", [&] { say(right); }},
      {"no_hello", [&] { say(right); }},
      {"crash",
       [] {
         std::signal(SIGSEGV, SIG_DFL);  // a sanitizer would catch it
         std::raise(SIGSEGV);
       }},
      {"abort", [] { std::abort(); }},
      {"kill9", [] { std::raise(SIGKILL); }},
      {"exit", [] { std::exit(0); }},
      {"exit7",
       [] {
         fmt::print(stderr, "last words\n");
         std::exit(7);
       }},
      {"hang", [&] { wait_for_end(-1); }},
      {"garbage", [&] { say("Segmentation fault\n"); }},
      {"binary", [&] { say(std::string("\x00\xff\xfe\n", 4)); }},
      {"other_json", [&] { say("{\"result\": {}}\n"); }},
      {"half_curve",
       [&] {
         say(std::string_view(right).substr(0, right.size() - 6));
         std::exit(0);
       }},
      {"endless_line",
       [&] {
         while (true) say(std::string(1 << 20, 'x'));
       }},
      {"out_of_memory",
       [&] {
         say(encode(trial::Failure{task.trajectory, "out_of_memory", "no"}));
       }},
      {"failure",
       [&] {
         say(encode(trial::Failure{task.trajectory, "exception", "on demand"}));
       }},
      {"twice", [&] { say(right + right); }},
      {"chatter",
       [&] {
         fmt::print(stderr, "a warning of a library\nhalf a line");
         say(right);
       }},
  };
  const auto act = acts.find(kind);
  if (act != acts.end()) return act->second();
  answer_wrongly(kind, task);
}

void FakeTrainer::answer_wrongly(const std::string& kind,
                                 const trial::TrialTask& task) const {
  trial::TrialResult result = measure(task, line_);
  if (kind == "wrong_trajectory") {
    std::reverse(result.trajectory.begin(), result.trajectory.end());
  } else if (kind == "wrong_parameters") {
    ++result.parameters;
  } else if (kind == "wrong_initial_loss") {
    result.initial_loss += 1;
  } else if (kind == "wrong_outcome") {
    ++result.outcomes.front().t_star;
  } else if (kind == "missing_outcome") {
    result.outcomes.pop_back();
  } else if (kind == "short_curve") {
    result.losses.pop_back();
  } else if (kind == "long_curve") {
    result.losses.push_back(result.losses.back());
  } else {
    fail_user("FAKE_TRAINER: unknown wish '{}'", kind);
  }
  say(encode(result));
}

/// Crashes on demand leave no core files, and nothing outlives its farm.
void become_trainer_process() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) {
    std::signal(signal, SIG_IGN);
  }
}

int run(int argc, char** argv) {
  CLI::App app("Stands in for cape_trainer in tests.");
  Line line;
  bool list = false;
  app.add_option("--in", line.input);
  app.add_option("--out", line.output);
  app.add_option("--device", line.device);
  app.add_option("--threads", line.threads);
  app.add_flag("--list-devices", list);
  app.parse(argc, argv);
  if (list) {
    const char* gpus = std::getenv("FAKE_TRAINER_GPUS");
    nlohmann::json devices = {{"torch", "0.0-fake"}, {"devices", {"cpu"}}};
    for (int i = 0; i < (gpus == nullptr ? 0 : std::atoi(gpus)); ++i) {
      devices["devices"].push_back(fmt::format("cuda:{}", i));
    }
    ::dprintf(line.output < 0 ? STDOUT_FILENO : line.output, "%s\n",
              devices.dump().c_str());
    return kExitDone;
  }
  become_trainer_process();
  FakeTrainer(line).serve();
  return kExitDone;
}

}  // namespace

int main(int argc, char** argv) {
  return guarded_main("fake_trainer", run, argc, argv);
}
