#!/usr/bin/env bash
# Tests the Python package in python/ on the programs of build/release: with
# PyTorch, which is installed once into a folder of its own (3 GB, see
# scripts/common.sh). Exits with 77 where the registry cannot be reached. With
# --install it does no more than install PyTorch.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/common.sh

say() { printf 'package: %s\n' "$*"; }

stage_of=installing
give_up() {
  local status=$?
  [[ $stage_of == installing ]] || exit $status
  if python3 -m pip index versions hatchling >/dev/null 2>&1; then
    say "PyTorch could not be installed, or what the tests need beside it"
    exit $status
  fi
  echo "skipped: there is no PyTorch in $torch_venv, and the package registry" \
    "cannot be reached"
  exit 77
}
trap give_up EXIT

start=$SECONDS
provide_torch
say "The environments with PyTorch took $((SECONDS - start)) s."
stage_of=testing
[[ ${1:-} != --install ]] || exit 0
export CAPE_BIN=${CAPE_BIN:-$PWD/build/release/bin}
"$package_venv/bin/python" -W error::SyntaxWarning -m unittest discover \
  --verbose --start-directory python/tests --pattern '*_test.py'
