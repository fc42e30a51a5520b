/// The dropout of a network in TorchScript.
#pragma once

#include <functional>
#include <optional>

namespace cape::models {

/// The greatest rate with which the operators drop numbers that `pass` calls:
/// dropout of all kinds, attention, and recurrent layers, which do so between
/// each other. Nothing if there are none; they may draw with a rate of 0, too.
std::optional<double> greatest_dropout_rate(const std::function<void()>& pass);

}  // namespace cape::models
