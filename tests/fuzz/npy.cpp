// Data of the user's own in files of arrays, whose content tells their format:
// a byte that picks the task and the layout, two bytes with the size of the
// file of labels (little-endian), that file, and the file of samples.
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
  const auto labels = folder.write("y", files.first(cut));
  const auto samples = folder.write("x", files.subspan(cut));
  const std::vector<std::string>& layouts = datasets::user_layouts();
  const std::size_t layout = data[0] / 4;
  fuzz::takes([&] {
    fuzz::use(datasets::open_user_dataset(
        "own", {.x = samples.string(),
                .y = labels.string(),
                .layout = layout == 0 ? "" : layouts[layout % layouts.size()],
                .task = kTasks[data[0] % 4]}));
  });
  return 0;
}
