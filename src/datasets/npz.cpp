#include "datasets/npz.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "datasets/archive.h"
#include "datasets/array_file.h"
#include "datasets/npy.h"

namespace cape::datasets {
namespace {

// Deflate turns at most so many bytes into one.
constexpr std::size_t kMostPacking = 1032;

constexpr std::string_view kExtension = ".npy";

std::string array_name(std::string member) {
  if (member.ends_with(kExtension))
    member.resize(member.size() - kExtension.size());
  return member;
}

/// What to do about a zip file that holds no arrays of NumPy.
std::string_view advice_for(const std::vector<std::string>& members) {
  const auto holds = [&](std::string_view part) {
    return std::ranges::any_of(members, [&](const std::string& member) {
      return member.find(part) != std::string::npos;
    });
  };
  if (holds("data.pkl")) {
    return "it is PyTorch's: numpy.save('x.npy', torch.load(FILE).numpy())";
  }
  if (holds("xl/")) {
    return "it is Excel's: numpy.save('x.npy', "
           "pandas.read_excel(FILE).to_numpy())";
  }
  return "save its numbers with numpy.save";
}

bool is_sparse_matrix(const std::vector<std::string>& names) {
  const auto has = [&](std::initializer_list<std::string_view> wanted) {
    return std::ranges::all_of(wanted, [&](std::string_view name) {
      return std::ranges::find(names, name) != names.end();
    });
  };
  return has({"format", "shape", "data"}) &&
         (has({"indices", "indptr"}) || has({"row", "col"}) ||
          has({"offsets"}));
}

}  // namespace

Array parse_npz(const File& file, const std::string& name) {
  std::vector<std::string> names;
  Archive listed(file, Archive::Kind::zip);
  std::vector<std::string> others;
  while (listed.next()) {
    const std::string& member = listed.member();
    (member.ends_with(kExtension) ? names : others)
        .push_back(array_name(member));
  }
  // Arrays may also be in members without the extension, but only by name.
  const bool is_other =
      std::ranges::find(names, array_name(name)) == names.end() &&
      std::ranges::find(others, array_name(name)) != others.end();
  if (names.empty() && !is_other) {
    fail_user("{}: a zip file without arrays of NumPy; {}", file.name,
              advice_for(others));
  }
  if (is_sparse_matrix(names)) {
    fail_user(
        "{}: a sparse matrix of SciPy; save it in full: numpy.save('x.npy', "
        "scipy.sparse.load_npz(FILE).toarray())",
        file.name);
  }
  const std::string wanted =
      choose_array(file.name, array_name(name), is_other ? others : names);
  const std::string member =
      is_other ? wanted : wanted + std::string(kExtension);
  Archive archive(file, Archive::Kind::zip);
  while (archive.next() && archive.member() != member) {
  }
  return parse_npy({file.name + ":" + wanted,
                    Bytes(archive.read(kMostPacking * file.bytes.size()))});
}

}  // namespace cape::datasets
