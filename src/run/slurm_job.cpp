#include "run/slurm_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>

#include "core/environment.h"
#include "core/error.h"

namespace cape::run {
namespace {

/// What squeue prints of a job, errors included.
std::string ask_squeue(const std::string& id) {
  const std::string command =
      fmt::format("squeue --noheader --jobs {} --format %T 2>&1", id);
  std::FILE* const output = ::popen(command.c_str(), "re");
  if (output == nullptr) return "cannot be run";
  std::string text;
  std::array<char, 256> buffer;
  while (std::fgets(buffer.data(), buffer.size(), output) != nullptr) {
    text += buffer.data();
  }
  const int status = ::pclose(output);
  // A job that is long gone is an error to squeue.
  if (text.find("Invalid job id") != std::string::npos) return "";
  return status == 0 ? text : "cannot be asked: " + text;
}

}  // namespace

SlurmJob this_slurm_job() {
  return {environment_variable("SLURM_JOB_ID"),
          environment_variable("SLURM_RESTART_COUNT")};
}

bool has_ended(const SlurmJob& job) {
  const bool is_number =
      !job.id.empty() &&
      std::all_of(job.id.begin(), job.id.end(),
                  [](unsigned char c) { return std::isdigit(c) != 0; });
  if (!is_number) return false;  // what a shell is given must be one
  const SlurmJob mine = this_slurm_job();
  if (job.id == mine.id) return job.restart != mine.restart;
  return ask_squeue(job.id).empty();
}

void refuse_unconnected_tasks(int ranks, std::int64_t parts) {
  const std::string tasks = environment_variable("SLURM_STEP_NUM_TASKS");
  if (ranks > 1 || parts > 1 || std::atoll(tasks.c_str()) < 2) return;
  fail_user(
      "srun started {} tasks that do not know of each other, and each would do "
      "the whole grid; start them with srun --mpi=pmix, or with mpirun, or let "
      "each do a part: --shard I/N",
      tasks);
}

}  // namespace cape::run
