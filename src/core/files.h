/// Reads whole files, and publishes whole files: a reader sees all of one or
/// nothing.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace cape {

std::string read_file(const std::filesystem::path& path);

/// Writes `bytes` under a temporary name, fsyncs, renames to `path` and fsyncs
/// the directory. Throws StoppedError, which names the path and the cause; a
/// file that was there before is then unchanged.
void publish_file(const std::filesystem::path& path, std::string_view bytes);

/// Throws UserError where it is not UTF-8: paths travel in JSON.
std::filesystem::path absolute_path(const std::filesystem::path& path);

/// The directory of the running executable, through symbolic links.
std::filesystem::path executable_directory();

/// The folder of the project's own data, such as the default model. It is found
/// from the running executable, so that an installed tree can be moved.
std::filesystem::path data_directory();

/// The name of this machine.
std::string host_name();

}  // namespace cape
