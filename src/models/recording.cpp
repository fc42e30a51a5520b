#include "models/recording.h"

#include "core/error.h"

namespace cape::models {
namespace {

thread_local ProbeRecording* current = nullptr;

}  // namespace

torch::Tensor Layer::record(const torch::Tensor& input,
                            torch::Tensor output) const {
  if (current != nullptr) {
    current->recordings_.push_back({this, input, output});
  }
  return output;
}

ProbeRecording::ProbeRecording() {
  if (is_on()) fail("this thread is recording a probe");
  current = this;
}

ProbeRecording::~ProbeRecording() { current = nullptr; }

bool ProbeRecording::is_on() { return current != nullptr; }

}  // namespace cape::models
