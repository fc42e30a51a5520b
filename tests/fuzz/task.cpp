// The lines that a trainer is given.
#include "support.h"
#include "trial/protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace cape;
  fuzz::takes<Error>([&] {
    const std::string line =
        encode(trial::decode_task(fuzz::text_of({data, size})));
    std::string again;
    const bool is_taken =
        fuzz::takes<Error>([&] { again = encode(trial::decode_task(line)); });
    fuzz::require(is_taken && again == line);
  });
  return 0;
}
