#include "datasets/resize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace cape::datasets {
namespace {

// 32 bits, minus 8 for the pixel, minus 2 for sign and overshoot.
constexpr int kPrecisionBits = 32 - 8 - 2;

double triangle(double x) { return std::max(1.0 - std::abs(x), 0.0); }

int round_to_int(double x) { return static_cast<int>(std::lround(x)); }

/// The type in which products of pixels and weights are added up.
struct ByteSum {
  std::int32_t fixed = 1 << (kPrecisionBits - 1);

  void add(std::uint8_t pixel, std::int32_t weight) { fixed += pixel * weight; }
  std::uint8_t pixel() const {
    return static_cast<std::uint8_t>(
        std::clamp(fixed >> kPrecisionBits, 0, 255));
  }
};

struct FloatSum {
  double sum = 0;

  void add(float pixel, std::int32_t weight) { sum += double{pixel} * weight; }
  float pixel() const {
    return static_cast<float>(sum / (1 << kPrecisionBits));
  }
};

/// A rectangle of pixels as lines: pixel i of line l is at l * line + i * step.
struct Lines {
  std::ptrdiff_t line;
  std::ptrdiff_t step;
};

template <class Sum, class Pixel>
void filter_lines(const LineFilter& filter, int lines, const Pixel* in,
                  Lines from, Pixel* out, Lines to) {
  for (int i = 0; i < filter.out; ++i) {
    const std::int32_t* weights = &filter.weights[std::size_t(i) * filter.taps];
    for (int line = 0; line < lines; ++line) {
      const Pixel* pixel = in + line * from.line + filter.first[i] * from.step;
      Sum sum;
      for (int k = 0; k < filter.count[i]; ++k)
        sum.add(pixel[k * from.step], weights[k]);
      out[line * to.line + i * to.step] = sum.pixel();
    }
  }
}

}  // namespace

// The order of the floating-point operations is Pillow's, since it decides
// ties.
LineFilter::LineFilter(int in, int out) : in(in), out(out) {
  const double scale = static_cast<double>(in) / out;
  const double support = std::max(scale, 1.0);
  const double inverse_support = 1.0 / support;
  taps = static_cast<int>(std::ceil(support)) * 2 + 1;
  weights.assign(std::size_t(out) * taps, 0);
  std::vector<double> exact(taps);
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    const int begin = std::max(round_to_int(center - support), 0);
    const int end = std::min(round_to_int(center + support), in);
    double sum = 0;
    for (int k = 0; k < end - begin; ++k) {
      exact[k] = triangle((k + begin - center + 0.5) * inverse_support);
      sum += exact[k];
    }
    for (int k = 0; k < end - begin; ++k) {
      weights[std::size_t(i) * taps + k] =
          round_to_int(exact[k] / sum * (1 << kPrecisionBits));
    }
    first.push_back(begin);
    count.push_back(end - begin);
  }
}

Resizer::Resizer(int in_height, int in_width, int out_height, int out_width)
    : rows_(in_width, out_width),
      columns_(in_height, out_height),
      between_(std::size_t(in_height) * out_width),
      between_floats_(between_.size()) {}

void Resizer::resize(const std::uint8_t* in, std::uint8_t* out) {
  filter_lines<ByteSum>(rows_, columns_.in, in, {rows_.in, 1}, between_.data(),
                        {rows_.out, 1});
  filter_lines<ByteSum>(columns_, rows_.out, between_.data(), {1, rows_.out},
                        out, {1, rows_.out});
}

void Resizer::resize(const float* in, float* out) {
  filter_lines<FloatSum>(rows_, columns_.in, in, {rows_.in, 1},
                         between_floats_.data(), {rows_.out, 1});
  filter_lines<FloatSum>(columns_, rows_.out, between_floats_.data(),
                         {1, rows_.out}, out, {1, rows_.out});
}

}  // namespace cape::datasets
