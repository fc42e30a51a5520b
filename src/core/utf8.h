/// Texts that people write and JSON carries are UTF-8; names of files need not
/// be.
#pragma once

#include <string>
#include <string_view>

namespace cape {

bool is_utf8(std::string_view text);

/// The text with every byte that is not UTF-8 as "\xff".
std::string escape_non_utf8(std::string_view text);

/// Throws UserError unless `text` is UTF-8; `what` names it: "argument 2".
void require_utf8(std::string_view text, std::string_view what);

}  // namespace cape
