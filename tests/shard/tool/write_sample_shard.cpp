// write_sample_shard FILE: a shard for the tests in Python.
#include <cstdio>

#include "../sample.h"

int main(int argc, char** argv) {
  using namespace cape::shard;
  if (argc != 2) {
    std::fputs("usage: write_sample_shard FILE\n", stderr);
    return 2;
  }
  std::vector<Row> rows = sample_rows(0, 20);
  for (Row& row : rows) row.curve_length = 2;
  write_bytes(argv[1], shard_image(rows, std::vector<float>{2.5F, 1.25F},
                                   sample_provenance()));
  return 0;
}
