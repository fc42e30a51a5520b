#!/usr/bin/env bash
# Submits a farm in parts and, after it, the fit; prints the job ids.
#
#   slurm/submit.sh CONFIG.yaml [PARTS] [sbatch options of the farm]
#
# PARTS (4) is the number of array jobs. The rows, the logs and the model go to
# CAPE_OUT (runs/<name of the configuration file>), which all nodes must see.
# Partition, account and the like can be given for both jobs by sbatch's own
# variables: SBATCH_PARTITION, SBATCH_ACCOUNT, ... For example:
#
#   SBATCH_PARTITION=gpu slurm/submit.sh configs/cnn.yaml 16 --gres=gpu:1 \
#     --time=12:00:00
#
# When it was cancelled or a node died, run the same command again: only what
# is missing is computed.

set -euo pipefail

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }

case ${1:-} in
  -h | --help) usage && exit 0 ;;
  '') usage >&2 && exit 2 ;;
esac
config=$1
parts=${2:-4}
shift $(($# < 2 ? $# : 2))
if ! [[ $parts =~ ^[1-9][0-9]*$ ]]; then
  echo "submit.sh: PARTS must be a number from 1 (found '$parts')" >&2
  exit 2
fi

CAPE_ROOT=$(cd "$(dirname "$0")/.." && pwd)
export CAPE_ROOT
bin=${CAPE_BIN:-$CAPE_ROOT/build/release/bin}
name=$(basename "$config")
out=${CAPE_OUT:-runs/${name%.*}}

# What is wrong with the configuration is better known now than in an hour.
"$bin/cape_farm" "$config" --print-config >/dev/null
mkdir -p "$out"

farm=$(sbatch --parsable --array="0-$((parts - 1))" \
  --output="$out/slurm-%A_%a.log" "$@" \
  "$CAPE_ROOT/slurm/farm_array.sbatch" "$config" --out "$out")
farm=${farm%%;*} # the name of the cluster may follow
fit=$(sbatch --parsable --dependency="afterany:$farm" \
  --output="$out/slurm-%j.log" \
  "$CAPE_ROOT/slurm/fit.sbatch" "$config" "$out")
fit=${fit%%;*}

echo "farm: job $farm, $parts parts"
echo "fit:  job $fit, after it"
echo "rows, logs and the model: $out"
