/// The dropout of a network in TorchScript.
#pragma once

#include <functional>

namespace cape::models {

/// The greatest rate with which the operators drop numbers that `pass` calls:
/// dropout of all kinds, attention, and recurrent layers, which do so between
/// each other. 0 if none does.
double greatest_dropout_rate(const std::function<void()>& pass);

}  // namespace cape::models
