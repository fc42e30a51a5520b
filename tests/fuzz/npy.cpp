// Data of the user's own in .npy files: a byte that picks the task, two bytes
// with the size of the file of labels (little-endian), that file, and the file
// of samples.
#include "datasets.h"
#include "datasets/user_dataset.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace cape;
  using datasets::Task;
  static const fuzz::Folder folder;
  constexpr Task kTasks[] = {Task::classification, Task::regression,
                             Task::sequence, Task::multilabel};
  if (size < 3) return 0;
  const std::span<const std::uint8_t> files(data + 3, size - 3);
  const std::size_t cut =
      std::min<std::size_t>(data[1] | data[2] << 8, files.size());
  const auto labels = folder.write("y.npy", files.first(cut));
  const auto samples = folder.write("x.npy", files.subspan(cut));
  fuzz::takes([&] {
    fuzz::use(
        datasets::open_user_dataset("own", {.format = "npy",
                                            .x = samples.string(),
                                            .y = labels.string(),
                                            .task = kTasks[data[0] % 4]}));
  });
  return 0;
}
