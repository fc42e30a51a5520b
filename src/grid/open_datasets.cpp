#include "grid/open_datasets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "core/error.h"

namespace cape::grid {

std::vector<datasets::DatasetInfo> open_datasets(const Config& config) {
  std::vector<datasets::DatasetInfo> infos;
  std::vector<std::string> problems;
  const auto roots = datasets::search_roots(config.data_dir);
  for (std::size_t d = 0; d < config.grid.datasets.size(); ++d) {
    try {
      const DatasetSpec& spec = config.grid.datasets[d];
      infos.push_back(
          spec.user ? datasets::open_user_dataset(spec.name, *spec.user).info
                    : datasets::load(spec.name, roots).info);
      const datasets::DatasetInfo& info = infos.back();
      if (!info.note.empty()) spdlog::warn("{}: {}", info.name, info.note);
    } catch (const UserError& error) {
      problems.push_back(fmt::format(
          "{}: {}", config.where(fmt::format("grid.datasets[{}]", d)),
          error.what()));
    }
  }
  if (!problems.empty()) {
    throw UserError(fmt::format("{}", fmt::join(problems, "\n")));
  }
  return infos;
}

}  // namespace cape::grid
