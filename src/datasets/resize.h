/// The antialiased bilinear resize of Pillow and torchvision on 8-bit images,
/// equal to theirs in every bit. On floats it is the same without rounding the
/// result. Rows are resized before columns; Pillow 13 uses the other order for
/// some shapes that are not square.
#pragma once

#include <cstdint>
#include <vector>

namespace cape::datasets {

/// The bilinear (triangle) filter from `in` to `out` pixels of a line. Where
/// the line becomes shorter, the filter is wider by the same factor, which is
/// the antialiasing. Weights are fixed-point numbers with 22 fractional bits.
struct LineFilter {
  LineFilter(int in, int out);

  int in;
  int out;
  int taps;                           ///< most weights of an output pixel
  std::vector<int> first;             ///< out: first input pixel that counts
  std::vector<int> count;             ///< out: input pixels that count
  std::vector<std::int32_t> weights;  ///< out x taps
};

/// Resizes single-channel images of one size to another.
class Resizer {
 public:
  Resizer(int in_height, int in_width, int out_height, int out_width);

  /// `in`: in_height x in_width, `out`: out_height x out_width, row by row.
  void resize(const std::uint8_t* in, std::uint8_t* out);
  void resize(const float* in, float* out);

 private:
  LineFilter rows_;
  LineFilter columns_;
  /// in_height x out_width, of the one kind or the other
  std::vector<std::uint8_t> between_;
  std::vector<float> between_floats_;
};

}  // namespace cape::datasets
