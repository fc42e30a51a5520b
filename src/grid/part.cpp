#include "grid/part.h"

namespace cape::grid {

std::int64_t count_in_part(Part part, std::int64_t end) {
  return (end - part.index + part.count - 1) / part.count;
}

}  // namespace cape::grid
