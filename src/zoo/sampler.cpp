#include "zoo/sampler.h"

#include <array>

#include "core/error.h"

namespace cape::zoo {
namespace {

using Choices = std::vector<std::int64_t>;

Architecture sample_mlp(bool grey, Random& random) {
  const Choices widths =
      grey ? Choices{128, 256, 512} : Choices{256, 512, 1024};
  const Choices layers = grey ? Choices{2, 3} : Choices{2, 3, 4};
  Mlp mlp;
  mlp.layers = random.choose<std::int64_t>(layers);
  mlp.width = random.choose<std::int64_t>(widths);
  return mlp;
}

}  // namespace

const std::vector<std::string>& sampled_families() {
  static const std::vector<std::string> names = {"mlp"};
  return names;
}

Architecture sample_published(const std::string& family,
                              const std::vector<std::int64_t>& sample,
                              Random& random) {
  const bool grey = sample.size() < 3 || sample.front() == 1;
  if (family == "mlp") return sample_mlp(grey, random);
  fail_user("family '{}' has no published sampler", family);
}

}  // namespace cape::zoo
