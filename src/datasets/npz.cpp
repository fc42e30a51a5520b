#include "datasets/npz.h"

#include <string_view>
#include <vector>

#include "datasets/archive.h"
#include "datasets/array_file.h"
#include "datasets/npy.h"

namespace cape::datasets {
namespace {

// Deflate turns at most so many bytes into one.
constexpr std::size_t kMostPacking = 1032;

std::string array_name(std::string member) {
  constexpr std::string_view kExtension = ".npy";
  if (member.ends_with(kExtension))
    member.resize(member.size() - kExtension.size());
  return member;
}

}  // namespace

Array parse_npz(const File& file, const std::string& name) {
  std::vector<std::string> names;
  Archive listed(file, Archive::Kind::zip);
  while (listed.next()) names.push_back(array_name(listed.member()));
  const std::string wanted = choose_array(file.name, array_name(name), names);
  Archive archive(file, Archive::Kind::zip);
  while (archive.next() && array_name(archive.member()) != wanted) {
  }
  return parse_npy({file.name + ":" + wanted,
                    Bytes(archive.read(kMostPacking * file.bytes.size()))});
}

}  // namespace cape::datasets
