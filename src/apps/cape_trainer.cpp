/// Measures trials for cape_farm, which starts it: a child process, so that a
/// crash costs one attempt at one trial. The only program that links Torch.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/version.h"
#include "trainer/device.h"
#include "trainer/process.h"
#include "trainer/service.h"

namespace {

int run(int argc, char** argv) {
  CLI::App app("Measures trials for cape_farm, which starts it.");
  int input = -1;
  int output = -1;
  int threads = 1;
  std::string device = "cpu";
  bool list = false;
  std::vector<std::string> networks;
  app.add_option("--in", input, "descriptor that task lines come from");
  app.add_option("--out", output, "descriptor that answers go to");
  app.add_option("--device", device, "cpu or cuda:N")->capture_default_str();
  app.add_option("--threads", threads, "CPU threads")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_flag("--list-devices", list, "print what Torch sees, as JSON");
  app.add_option("--list-tied", networks,
                 "print which of these TorchScript files have one parameter "
                 "under several names, as JSON")
      ->type_name("FILE ...");
  app.set_version_flag(
      "--version",
      fmt::format("cape_trainer {} ({}), LibTorch {}", cape::kVersion,
                  cape::kGitCommit, cape::trainer::torch_version()));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cape::kExitDone : cape::kExitUsage;
  }
  if (list || !networks.empty()) {
    const std::string answer = (list ? cape::trainer::list_devices()
                                     : cape::trainer::list_tied(networks)) +
                               "\n";
    ::dprintf(output < 0 ? STDOUT_FILENO : output, "%s", answer.c_str());
    return cape::kExitDone;
  }
  if (input < 0 || output < 0) {
    cape::fail_user("--in and --out are needed; cape_farm gives them");
  }
  cape::trainer::become_trainer_process();
  cape::trainer::open_device(device, threads);
  cape::trainer::serve(input, output, device);
  return cape::kExitDone;
}

}  // namespace

int main(int argc, char** argv) {
  return cape::guarded_main("cape_trainer", run, argc, argv);
}
