#!/usr/bin/env bash
# Makes the networks of PyTorch's modules that a predictor can be fitted on beside
# those that the farm draws: scripts/make_networks.py, with its options. Installs
# PyTorch once into a folder of its own (3 GB, see scripts/common.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/common.sh

say() { printf 'make_networks: %s\n' "$*"; }

provide_torch
exec "$package_venv/bin/python" -W ignore::FutureWarning scripts/make_networks.py "$@"
