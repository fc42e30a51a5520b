#!/usr/bin/env bash
# From a fresh clone to a fitted predictor: set-up, build, a small farm on
# FashionMNIST, and the fit of what it measured.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/common.sh

bin=build/release/bin
out=runs/quickstart
ranks=$(nproc)

trap print_stage_times EXIT
stage "set-up" scripts/setup.sh
stage "configure" cmake --preset release
stage "build" cmake --build --preset release \
  --target cape_farm_program cape_trainer_program cape_fit_program
# Open MPI would bind each rank, and the trainer it starts, to one core.
run_farm() {
  mpirun -n "$ranks" --bind-to none --oversubscribe \
    "$bin/cape_farm" configs/quickstart.yaml || (($? == 3)) # some trials failed
}
stage "farm on $ranks ranks" run_farm
stage "fit" "$bin/cape_fit" "$out" --out "$out/model"

echo "shards   $out/*.h5"
