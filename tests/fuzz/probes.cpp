// The lines that cape_predict --probed is given.
#include <cmath>
#include <sstream>
#include <string>

#include "prediction/read_probes.h"
#include "support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace cape;
  fuzz::takes([&] {
    std::istringstream stream(std::string(fuzz::text_of({data, size})));
    const prediction::ProbedCells probed =
        prediction::read_probes(stream, "probes");
    fuzz::require(probed.probes > 0 && !probed.cells.empty());
    for (const prediction::CellPrediction& cell : probed.cells) {
      const shard::Row& row = cell.row;
      fuzz::require(row.batch_size > 0 && row.learning_rate > 0 &&
                    row.max_steps > 0 && std::isfinite(row.log_b));
      fuzz::require(cell.stops_early() || (row.epsilon > 0 && row.epsilon < 1));
      fuzz::require(!cell.is_whole_training() ||
                    row.steps_per_epoch == row.samples / row.batch_size);
    }
  });
  return 0;
}
