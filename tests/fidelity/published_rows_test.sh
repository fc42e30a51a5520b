#!/usr/bin/env bash
# Do rows of the real farm come out like the published ones? A small form of
# scripts/compare_published.py: MLPs on FashionMNIST, 8 trials a cell, seeds
# fixed. With 72 trajectories the standard error of the mean step ratio is about
# 0.05 and that of a standardised mean 0.12: the tolerances are some 2.5 of
# them. The full comparison (20 trials, two data sets) holds 0.03 and 0.1.
#
#   published_rows_test.sh BIN_DIR PYTHON SOURCE_DIR
set -euo pipefail
bin=$1 python=$2 source=$3
published=${CAPE_REFERENCE_DIR:-}/meta_dataset_mlp.csv
if [[ ! -f $published ]]; then
  echo "skipped: CAPE_REFERENCE_DIR does not name the published rows"
  exit 0
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$bin/cape_farm" "$source/configs/quickstart.yaml" grid.trials=8 --out "$out" \
  --progress none
"$python" "$source/scripts/compare_published.py" "$published" "$out" --check \
  --steps-tolerance 0.12 --mean-tolerance 0.3
