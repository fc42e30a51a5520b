// Configurations: YAML, then overrides, with NUL before each.
#include <string>
#include <vector>

#include "grid/config_yaml.h"
#include "support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace cape;
  std::vector<std::string> parts(1);
  for (const char c : fuzz::text_of({data, size})) {
    if (c == '\0') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  const std::vector<std::string> overrides(parts.begin() + 1, parts.end());
  fuzz::takes([&] {
    const grid::Config config =
        grid::parse_config(parts[0], "input", overrides);
    const std::string written = grid::to_yaml(config);
    std::string again;
    const bool is_taken = fuzz::takes([&] {
      again = grid::to_yaml(grid::parse_config(written, "written", {}));
    });
    fuzz::require(is_taken && again == written);
  });
  return 0;
}
