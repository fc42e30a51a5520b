/// What a worker and its trainer say to each other: a JSON object a line.
/// After a result line come curve_length losses and then, of validation_length
/// epochs, the validation losses and the scores, all as raw little-endian
/// float32, since JSON has no NaN. Numbers that are not finite are null.
///
///   trainer -> worker  {"hello": {"protocol": 9, "torch": "2.15.0", ...}}
///   worker -> trainer  {"task": {...}}
///   trainer -> worker  {"result": {...}, "curve_length": n,
///                       "validation_length": m}\n<4 (n + 2 m) bytes>
///                   or {"failure": {"trajectory": ..., "kind": ...,
///                                   "message": ...}}
///
/// The trainer leaves when its input ends.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "trial/task.h"

namespace cape::trial {

/// Raised with every change of the lines.
inline constexpr int kTaskProtocolVersion = 11;

struct Hello {
  int protocol = kTaskProtocolVersion;
  std::string torch;   ///< LibTorch's version
  std::string device;  ///< "cpu", "cuda:0"
};

struct Failure {
  std::string trajectory;
  std::string kind;  ///< "exception", "out_of_memory", "dataset"
  std::string message;
};

using TrainerMessage = std::variant<Hello, TrialResult, Failure>;

std::string encode(const TrialTask& task);
std::string encode(const TrainerMessage& message);

/// Throws Error for anything that is not a task line.
TrialTask decode_task(std::string_view line);

/// Cuts messages out of the bytes that a trainer sends.
class TrainerMessageReader {
 public:
  void append(std::string_view bytes) { buffer_.append(bytes); }

  /// The next whole message, if it has arrived. Throws Error for garbage.
  std::optional<TrainerMessage> next();

 private:
  std::string buffer_;
};

}  // namespace cape::trial
