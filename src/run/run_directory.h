/// The files of a run beside its shards.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/scheduler.h"

namespace cape::run {

/// Makes `directory` and its parents. Throws UserError.
void make_run_directory(const std::filesystem::path& directory);

/// "mlp-0of4": begins the names of all files of a part.
std::string part_name(const std::string& grid, grid::Part part);

/// Removes the temporary files that killed runs of this part have left.
void remove_leftover_files(const std::filesystem::path& directory,
                           const std::string& part);

/// From now on the log goes to <directory>/farm.log too, which all ranks append
/// to.
void log_to_file(const std::filesystem::path& directory, int rank);

/// A file that proves to other ranks that they see the same directory, and to
/// this one that it can write there. Removed with the object.
class TokenFile {
 public:
  TokenFile(const std::filesystem::path& directory, const std::string& run);
  ~TokenFile();
  TokenFile(const TokenFile&) = delete;
  TokenFile& operator=(const TokenFile&) = delete;

  std::string name() const { return file_.filename().string(); }

 private:
  std::filesystem::path file_;
};

/// Unlike any other's on this machine: "20240501T120000-3f2a".
std::string make_run_id();

/// Root attributes of the shards: versions, host, SLURM ids, start.
std::vector<std::pair<std::string, std::string>> run_attributes(
    const std::string& torch_version);

}  // namespace cape::run
