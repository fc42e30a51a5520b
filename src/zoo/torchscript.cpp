#include "zoo/torchscript.h"

#include <fmt/format.h>

#include <limits>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/utf8.h"
#include "zoo/overloads.h"

namespace cape::zoo {
namespace {

constexpr std::size_t kLongestStem = 16;  // bytes

}  // namespace

Kind kind_of(const TorchScript& network) {
  return {"torchscript",
          "torchscript",
          {},
          {.vectors = true, .sequences = true, .steps = true, .tokens = true},
          network.revision};
}

std::string name_of(const TorchScript& network) {
  std::string stem = std::filesystem::path(network.file).stem().string();
  if (stem.size() > kLongestStem) stem.resize(kLongestStem);
  while (!is_utf8(stem)) stem.pop_back();  // a part of a character
  const std::size_t dash = network.fingerprint.find('-');
  return dash == std::string::npos
             ? stem
             : fmt::format("{}_{}", stem,
                           network.fingerprint.substr(dash + 1, 8));
}

/// As if the whole file were weights, each of which is used once.
Size size_of(const TorchScript& network, const Shape& /*input*/,
             const Head& /*head*/) {
  const std::int64_t weights =
      std::max<std::int64_t>(1, network.bytes / std::int64_t{sizeof(float)});
  return {.parameters = weights, .flops = 2.0 * static_cast<double>(weights)};
}

/// A module in a file does not say what it is made of.
OwnFacts facts_of(const TorchScript& /*network*/) {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  return {.published = "", .depth = {"", kNone}, .width = {"", kNone}};
}

void check(const TorchScript& /*network*/) {}

std::string fingerprint_of(std::string_view content) {
  // The letters make sure that YAML does not read a fingerprint of digits as a
  // number.
  return "xxh-" + content_hash(content);
}

TorchScript opened(TorchScript network, const std::filesystem::path& folder) {
  const std::filesystem::path path = (folder / network.file).lexically_normal();
  if (!std::filesystem::is_regular_file(path)) {
    fail_user(
        "a network of family torchscript needs file, what torch.jit.save wrote "
        "(found no file {})",
        path.string());
  }
  network.file = path.string();
  const std::string content = read_file(path);
  // Such a file is an archive that contains the code of modules. An archive of
  // weights alone (torch.save) has only the first of these marks.
  if (!content.starts_with("PK\3\4") ||
      content.find("/code/") == std::string::npos) {
    fail_user(
        "{}: no TorchScript (found {} bytes of something else); write it with "
        "torch.jit.save(torch.jit.script(module), file)",
        network.file, content.size());
  }
  network.fingerprint = fingerprint_of(content);
  network.bytes = static_cast<std::int64_t>(content.size());
  return network;
}

}  // namespace cape::zoo
