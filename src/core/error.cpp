#include "core/error.h"

#include <unistd.h>

#include <cstdio>
#include <system_error>

#include "core/utf8.h"

namespace cape {

std::string errno_text(int error_number) {
  return std::generic_category().message(error_number);
}

void exit_at_once(int code) {
  std::fflush(nullptr);  // all that is open for writing
  ::_exit(code);
}

int guarded_main(const char* program, int (*body)(int, char**), int argc,
                 char** argv) {
  try {
    for (int i = 1; i < argc; ++i) {
      require_utf8(argv[i], fmt::format("argument {}", i));
    }
    return body(argc, argv);
  } catch (const Error& error) {
    fmt::print(stderr, "{}: error: {}\n", program, error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: internal error: {}\n", program, error.what());
    return kExitInternal;
  }
}

}  // namespace cape
