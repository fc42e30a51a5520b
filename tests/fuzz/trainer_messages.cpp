// What a trainer sends: a byte that says where it is cut in two, then the
// bytes. Where the cut is must not matter.
#include <string>
#include <vector>

#include "support.h"
#include "trial/protocol.h"

namespace {

/// The messages in these pieces, encoded, and whether garbage came after them.
std::pair<std::vector<std::string>, bool> read(
    const std::vector<std::string_view>& pieces) {
  std::vector<std::string> messages;
  cape::trial::TrainerMessageReader reader;
  const bool is_taken = cape::fuzz::takes<cape::Error>([&] {
    for (const std::string_view piece : pieces) {
      reader.append(piece);
      while (const auto message = reader.next())
        messages.push_back(encode(*message));
    }
  });
  return {messages, is_taken};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = cape::fuzz::text_of({data + 1, size - 1});
  const std::size_t cut = bytes.size() * *data / 256;
  cape::fuzz::require(read({bytes}) ==
                      read({bytes.substr(0, cut), bytes.substr(cut)}));
  return 0;
}
