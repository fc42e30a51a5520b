#!/usr/bin/env bash
# From a fresh clone to a prediction: set-up, build, a small farm on FashionMNIST,
# the fit of what it measured, and what that says of networks not yet trained.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/common.sh

if (($#)); then
  echo "Usage: scripts/quickstart.sh (takes no arguments; docs/tutorial.md says more)" >&2
  exit 2
fi

bin=build/release/bin
out=runs/quickstart
ranks=$(nproc)

trap print_stage_times EXIT
stage "set-up" scripts/setup.sh
stage "configure" cmake --preset release
stage "build" cmake --build --preset release \
  --target cape_farm_program cape_trainer_program cape_fit_program \
  cape_predict_program
# Open MPI would bind each rank, and the trainer it starts, to one core.
run_farm() {
  local status=0
  mpirun -n "$ranks" --bind-to none --oversubscribe \
    "$bin/cape_farm" configs/quickstart.yaml || status=$?
  ((status == 3)) || return "$status" # 3: some trials failed, the rest counts
}
stage "farm on $ranks ranks" run_farm
stage "fit" "$bin/cape_fit" "$out" --out "$out/model"
stage "predict" "$bin/cape_predict" configs/quickstart.yaml seed=1 \
  'grid.epsilon=[0.1]' --sort seconds --model "$out/model"

echo "shards   $out/*.h5"
