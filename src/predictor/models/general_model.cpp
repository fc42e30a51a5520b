#include "predictor/models/general_model.h"

namespace cape::predictor {

Novelty GeneralModel::novelty_of(const MetaTable& table,
                                 const MetaRow& row) const {
  const bool kind_is_new = !kinds.contains(table.kind(row));
  const bool source_is_new = !datasets.contains(table.dataset(row));
  if (kind_is_new && source_is_new) return Novelty::both;
  if (kind_is_new) return Novelty::kind;
  return source_is_new ? Novelty::source : Novelty::none;
}

ModelSettings general_settings(std::uint64_t seed) {
  return {.booster = {.trees = 400,
                      .depth = 4,
                      .learning_rate = 0.05,
                      .subsample = 0.8,
                      .colsample_bytree = 0.6,
                      .min_child_weight = 10,
                      .seed = seed},
          .censored = Censored::drop};
}

}  // namespace cape::predictor
