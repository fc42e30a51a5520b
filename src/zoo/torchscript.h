#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace cape::zoo {

/// A module of the user in a file of torch.jit.save, with the weights in that
/// file. It is given samples in the shape that they have in the data set. In
/// evaluation mode its output for a sample must not depend on other samples.
struct TorchScript {
  std::string file;
  std::string fingerprint = {};  ///< of the file's content, by opened()
  std::int64_t bytes = 0;        ///< of the file, by opened()
  /// 1 where one tensor has several names: such networks were once trained as
  /// if these were several. The trainer knows: trainer_client/trainer_query.h.
  int revision = 0;

  bool operator==(const TorchScript&) const = default;
};

/// The fingerprint of a file's content.
std::string fingerprint_of(std::string_view content);

/// Makes a path that is relative to `folder` absolute, and fills in fingerprint
/// and bytes of the file there. Throws UserError if it is missing or not such a
/// file.
TorchScript opened(TorchScript network, const std::filesystem::path& folder);

}  // namespace cape::zoo
