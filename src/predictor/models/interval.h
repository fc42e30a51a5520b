/// The interval that a prediction comes with.
#pragma once

namespace cape::predictor {

/// What is added to a predicted log T* for the ends of its interval.
struct Offsets {
  double lower = 0;
  double upper = 0;
};

/// In steps.
struct Interval {
  double lower = 0;
  double upper = 0;
};

}  // namespace cape::predictor
