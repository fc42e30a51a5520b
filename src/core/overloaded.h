#pragma once

namespace cape {

/// Several function objects as one, for std::visit.
template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

/// For compilers that do not deduce the arguments of aggregates: clang 14.
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace cape
