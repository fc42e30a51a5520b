#include "datasets/svhn.h"

#include <fmt/ranges.h>
#include <matio.h>

#include <memory>
#include <vector>

#include "core/error.h"
#include "datasets/files.h"
#include "datasets/locate.h"

namespace cape::datasets {
namespace {

struct MatCloser {
  void operator()(mat_t* file) const { Mat_Close(file); }
};
struct VariableFreer {
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};

/// A MAT-file of level 5, whose variables are read one by one.
class MatFile {
 public:
  using Variable = std::unique_ptr<matvar_t, VariableFreer>;

  explicit MatFile(const std::string& path)
      : path_(path), file_(Mat_Open(path.c_str(), MAT_ACC_RDONLY)) {
    if (!file_ || Mat_GetVersion(file_.get()) != MAT_FT_MAT5)
      fail_user("{}: not a MATLAB file of level 5", path_);
  }

  /// The unsigned bytes under `name`, whose `shape` has a 0 for any size up to
  /// `most`: that is checked before there is memory for them.
  Variable read(const char* name, const std::vector<std::size_t>& shape,
                std::size_t most) {
    Variable variable(Mat_VarReadInfo(file_.get(), name));
    if (!variable)
      fail_user("{}: damaged, or without a variable {}", path_, name);
    const std::vector<std::size_t> found(variable->dims,
                                         variable->dims + variable->rank);
    bool fits = variable->class_type == MAT_C_UINT8 && !variable->isComplex &&
                found.size() == shape.size();
    for (std::size_t i = 0; fits && i < shape.size(); ++i) {
      fits = shape[i] != 0 ? found[i] == shape[i]
                           : found[i] >= 1 && found[i] <= most;
    }
    if (!fits) {
      fail_user(
          "{}: its variable {} is an array of {}, not of unsigned bytes and {} "
          "with at most {} samples",
          path_, name, fmt::join(found, " x "), fmt::join(shape, " x "), most);
    }
    if (Mat_VarReadDataAll(file_.get(), variable.get()) != 0 || !variable->data)
      fail_user("{}: damaged within {}; copy or download it again", path_,
                name);
    return variable;
  }

 private:
  std::string path_;
  std::unique_ptr<mat_t, MatCloser> file_;
};

Bytes bytes_of(MatFile::Variable variable) {
  const std::size_t size = variable->nbytes;
  const auto* const data = static_cast<const std::uint8_t*>(variable->data);
  const std::shared_ptr<matvar_t> owner(std::move(variable));
  return {{owner, data}, size};
}

}  // namespace

Samples read_svhn(const KnownDataset& known, const Layout& layout,
                  const std::filesystem::path& place) {
  const std::string path =
      find_file(layout, place, layout.files.at(0)).string();
  const auto most = static_cast<std::size_t>(known.train_size);
  MatFile file(path);
  const Bytes pixels = bytes_of(file.read("X", {32, 32, 3, 0}, most));
  const std::size_t count = pixels.size() / sample_size(known);
  const Bytes digits = bytes_of(file.read("y", {0, 1}, most));
  if (digits.size() != count)
    fail_user("{}: {} labels, but {} images", path, digits.size(), count);
  std::vector<std::uint8_t> labels;
  for (std::size_t i = 0; i < count; ++i) {
    if (digits[i] < 1 || digits[i] > 10) {
      fail_user("{}: label {} at sample {}, but the labels of svhn are 1 to 10",
                path, digits[i], i);
    }
    labels.push_back(digits[i] % 10);
  }
  return {Images{.blocks = {{.bytes = pixels,
                             .stride = sample_size(known),
                             .count = static_cast<std::int64_t>(count)}},
                 .transposed = true},
          std::move(labels)};
}

}  // namespace cape::datasets
