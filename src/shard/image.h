/// A shard under construction in memory. Private to this folder.
#pragma once

#include <span>
#include <string>

#include "hdf5/hdf5.h"
#include "shard/curve.h"
#include "shard/provenance.h"
#include "shard/record.h"
#include "shard/schema.h"

namespace cape::shard {

class ImageBuilder {
 public:
  /// The rows to come must fit into `layout`.
  ImageBuilder(const Provenance& provenance, RecordLayout layout);

  /// The rows' curve_offset count from the first curve appended.
  void append_rows(std::span<const Row> rows);
  void append_curve(const Curve& curve);

  /// The bytes of the file, checksum included. Nothing can be added after.
  std::string finish();

 private:
  hdf5::Handle file_;
  RecordLayout layout_;
  hdf5::Handle row_type_;
  hdf5::Handle trials_;
  hdf5::Handle curves_;
  hdf5::Handle losses_;
  hdf5::Handle steps_;
};

}  // namespace cape::shard
