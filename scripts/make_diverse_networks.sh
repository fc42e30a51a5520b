#!/usr/bin/env bash
# Makes networks in files that a predictor can be fitted on beside those that the farm
# draws: scripts/make_diverse_networks.py, in an environment with PyTorch.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/common.sh

usage() {
  cat <<END
Usage: scripts/make_diverse_networks.sh [--corpus DIR] [--trials N] FOLDER

Makes TorchScript files of networks for the data sets of the corpus (--corpus, of
runs/corpus if nothing is said), and a configuration for each of these data sets,
which has N trials (4) of each network. FOLDER is usually runs/networks, where
scripts/make_metadataset.sh diverse_networks looks for them. Relative paths start at
the top of the clone. Networks that are there already are left alone; configurations
named diverse_networks_* are written again.

PyTorch (3 GB) is installed once into a folder of its own
  $torch_venv
END
}

say() { printf 'make_diverse_networks: %s\n' "$*"; }

for option; do
  [[ $option != -h && $option != --help ]] || { usage && exit 0; }
done
if ((!($# % 2))) || [[ -z ${!#} ]]; then
  say "name one FOLDER behind the options, each of which has a value" >&2
  usage >&2
  exit 2
fi
provide_torch
exec "$package_venv/bin/python" -B -W ignore::FutureWarning -W ignore::UserWarning \
  scripts/make_diverse_networks.py "$@"
