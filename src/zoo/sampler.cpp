#include "zoo/sampler.h"

#include <array>

#include "core/error.h"

namespace cape::zoo {
namespace {

using Choices = std::vector<std::int64_t>;

// Above this many parameters a convolutional network is drawn again.
constexpr std::int64_t kLargestCnn = 2'000'000;

std::int64_t choose(Random& random, const Choices& choices) {
  return random.choose<std::int64_t>(choices);
}

Architecture sample_mlp(bool grey, Random& random) {
  Mlp mlp;
  mlp.layers = choose(random, grey ? Choices{2, 3} : Choices{2, 3, 4});
  mlp.width =
      choose(random, grey ? Choices{128, 256, 512} : Choices{256, 512, 1024});
  return mlp;
}

double sample_dropout(Random& random) { return random.below(2) * 0.1; }

Architecture sample_cnn_of_any_size(bool grey, Random& random) {
  const double kind = random.uniform();
  if (kind < 0.5) {
    static constexpr std::array<std::array<std::int64_t, 3>, 3> kStages = {
        {{1, 1, 1}, {2, 1, 1}, {2, 2, 1}}};
    return VggLite{.base = grey ? 32 : 64,
                   .convolutions = kStages[random.below(kStages.size())],
                   .pool = grey,
                   .dropout = sample_dropout(random)};
  }
  if (kind < 0.85) {
    return ResnetMini{.base = grey ? 32 : 64,
                      .blocks = choose(random, {1, 2}),
                      .dropout = sample_dropout(random)};
  }
  return MobilenetMini{.width = random.below(2) == 0 ? 0.5 : 0.75,
                       .stem = grey ? 16 : 32,
                       .blocks = grey ? 2 : 3,
                       .dropout = sample_dropout(random)};
}

Architecture sample_cnn(bool grey, const std::vector<std::int64_t>& sample,
                        const Head& head, Random& random) {
  while (true) {
    Architecture drawn = sample_cnn_of_any_size(grey, random);
    if (parameter_count(drawn, sample, head) <= kLargestCnn) return drawn;
  }
}

Architecture sample_rnn(Random& random) {
  const bool lstm = random.below(2) == 0;
  const std::int64_t hidden = choose(random, {128, 256, 512});
  const std::int64_t layers = choose(random, {1, 2, 3});
  const bool bidirectional = random.below(2) == 1;
  if (lstm) {
    return Lstm{
        .layers = layers, .hidden = hidden, .bidirectional = bidirectional};
  }
  return Gru{
      .layers = layers, .hidden = hidden, .bidirectional = bidirectional};
}

Architecture sample_transformer(Random& random) {
  static const std::vector<Architecture> all = {Cct{}, Vit{}, Pit{}};
  return random.choose<Architecture>(all);
}

}  // namespace

const std::vector<std::string>& sampled_families() {
  static const std::vector<std::string> names = {"mlp", "cnn", "rnn",
                                                 "transformer"};
  return names;
}

std::vector<Architecture> published_kinds(const std::string& family) {
  if (family == "mlp") return {Mlp{}};
  if (family == "cnn") return {VggLite{}, ResnetMini{}, MobilenetMini{}};
  if (family == "rnn") return {Lstm{}, Gru{}};
  if (family == "transformer") return {Cct{}, Vit{}, Pit{}};
  fail_user("family '{}' has no published sampler", family);
}

Architecture sample_published(const std::string& family,
                              const std::vector<std::int64_t>& sample,
                              const Head& head, Random& random) {
  const bool grey = sample.size() < 3 || sample.front() == 1;
  if (family == "mlp") return sample_mlp(grey, random);
  if (family == "cnn") return sample_cnn(grey, sample, head, random);
  if (family == "rnn") return sample_rnn(random);
  if (family == "transformer") return sample_transformer(random);
  fail_user("family '{}' has no published sampler", family);
}

}  // namespace cape::zoo
