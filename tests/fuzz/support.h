/// What the fuzz targets share. A target gives its input to one reader, which
/// has to take it or to refuse it with an error of its own. Anything else that
/// is thrown, a wrong access, undefined behaviour, a leak, too much memory or
/// time, or an answer that is not sound ends the run.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string_view>

#include "core/error.h"

/// What libFuzzer calls with each input.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace cape::fuzz {

/// Whether `body` takes its input; a Refusal is as good an answer.
template <class Refusal = UserError, class Body>
bool takes(Body body) {
  try {
    body();
    return true;
  } catch (const Refusal&) {
    return false;
  }
}

/// Ends the run where what was read is not sound.
inline void require(bool sound) {
  if (!sound) std::abort();
}

inline std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A folder for this process, which goes with it unless it crashes.
class Folder {
 public:
  Folder() {
    std::string name =
        (std::filesystem::temp_directory_path() / "cape_fuzz.XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// Writes a file of the folder anew and returns its path.
  std::filesystem::path write(const std::string& name,
                              std::span<const std::uint8_t> bytes) const {
    std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text_of(bytes);
    return file;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace cape::fuzz
