#!/usr/bin/env bash
# Disturbs a farm on real data N times at random moments - kill -9 of trainers,
# ranks and mpirun, signals, a full disk -, starts it again until it is done and
# compares with a farm that nothing disturbed. Needs root for its own full disk.
#
#   scripts/fault_soak.sh N [--seed S]
#
# The last line is "N faults, R rows, L lost, D doubled, identical: yes|no".
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/common.sh
if (($# == 0)); then
  echo "usage: scripts/fault_soak.sh N [--seed S]" >&2
  exit 2
fi

python=$test_venv/bin/python # scripts/setup.sh --tests makes it
[[ -x $python ]] || python=python3
export CAPE_BIN=${CAPE_BIN:-$PWD/build/release/bin}
CAPE_MPIRUN=${CAPE_MPIRUN:-$(command -v mpirun || :)}
export CAPE_MPIRUN
exec "$python" tests/end_to_end/fault_soak.py "$@"
