#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace cape::zoo {

/// A module of the user's own in a file of torch.jit.save, with the weights
/// that it has there. It is handed samples as the data set has them, and its
/// samples must not depend on each other in evaluation mode.
struct TorchScript {
  std::string file;
  std::string fingerprint = {};  ///< of the file's content, by opened()
  std::int64_t bytes = 0;        ///< of the file, by opened()

  bool operator==(const TorchScript&) const = default;
};

/// Of a file's content.
std::string fingerprint_of(std::string_view content);

/// With a path that is relative to `folder` made absolute, and fingerprint and
/// bytes of the file there. Throws UserError where it is missing or no such
/// file.
TorchScript opened(TorchScript network, const std::filesystem::path& folder);

}  // namespace cape::zoo
