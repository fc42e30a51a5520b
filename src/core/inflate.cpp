#include "core/inflate.h"

#include <libdeflate.h>

#include "core/error.h"

namespace cape {

Inflater::Inflater() : decompressor_(libdeflate_alloc_decompressor()) {
  if (decompressor_ == nullptr) fail("no memory for inflating");
}

Inflater::~Inflater() { libdeflate_free_decompressor(decompressor_); }

Inflater::Result Inflater::inflate(Format format,
                                   std::span<const std::uint8_t> input,
                                   std::span<std::uint8_t> output) {
  const auto decompress = format == Format::gzip
                              ? &libdeflate_gzip_decompress_ex
                              : &libdeflate_zlib_decompress_ex;
  Result result{Status::damaged};
  const libdeflate_result status =
      decompress(decompressor_, input.data(), input.size(), output.data(),
                 output.size(), &result.used, &result.produced);
  if (status == LIBDEFLATE_INSUFFICIENT_SPACE) return {Status::no_room};
  if (status == LIBDEFLATE_SUCCESS) result.status = Status::done;
  return result;
}

}  // namespace cape
