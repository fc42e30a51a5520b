#pragma once

namespace cape {

/// Several function objects as one, for std::visit.
template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

}  // namespace cape
