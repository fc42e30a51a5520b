#!/usr/bin/env bash
# Submits a farm and, after it, the fit; prints the job ids and how to watch.
#
#   slurm/submit.sh CONFIG.yaml [PARTS|mpi] [sbatch options of the farm] \
#     [-- cape_farm options]
#
# PARTS (4) is the number of parts of the farm, each a task of an array, or a
# share of one where the cluster's arrays are not that long; with "mpi" it is
# one farm on several nodes (--nodes=2). The rows, the logs and the model go to
# CAPE_OUT (runs/<name of the configuration file>), which all nodes must see.
# Partition, account and the like can be given for both jobs by sbatch's own
# variables: SBATCH_PARTITION, SBATCH_ACCOUNT, ... For example:
#
#   SBATCH_PARTITION=gpu slurm/submit.sh configs/cnn.yaml 16 --gres=gpu:1 \
#     --time=12:00:00 -- grid.trials=20
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
shift
parts=4
if (($# > 0)) && [[ $1 != -* ]]; then
  parts=$1
  shift
fi
if ! [[ $parts =~ ^([1-9][0-9]*|mpi)$ ]]; then
  echo "submit.sh: PARTS must be a number from 1, or mpi (found '$parts')" >&2
  exit 2
fi
sbatch_options=()
while (($# > 0)) && [[ $1 != -- ]]; do
  sbatch_options+=("$1")
  shift
done
(($# == 0)) || shift

CAPE_ROOT=$(cd "$(dirname "$0")/.." && pwd)
export CAPE_ROOT
# shellcheck source=slurm/common.sh
source "$CAPE_ROOT/slurm/common.sh"
name=$(basename "$config")
out=${CAPE_OUT:-runs/${name%.*}}

# What is wrong with the configuration is better known now than in an hour.
"$cape_bin/cape_farm" "$config" --out "$out" "$@" --print-config >/dev/null
mkdir -p "$out"

# Prints the longest array that the cluster allows.
longest_array() {
  local found
  found=$(scontrol show config | sed -n 's/^MaxArraySize *= *//p')
  echo "${found:-1001}"
}

# submit ARGUMENT...: prints the id of the new job.
submit() {
  local id
  id=$(sbatch --parsable "$@")
  echo "${id%%;*}" # the name of the cluster may follow
}

if [[ $parts == mpi ]]; then
  what="one farm on several nodes"
  farm=$(submit --output="$out/slurm-%j.log" "${sbatch_options[@]}" \
    "$CAPE_ROOT/slurm/farm.sbatch" "$config" --out "$out" "$@")
else
  longest=$(longest_array)
  each=$(((parts + longest - 1) / longest))
  tasks=$(((parts + each - 1) / each))
  what="$parts parts in $tasks tasks"
  export CAPE_PARTS=$parts CAPE_PARTS_PER_TASK=$each
  farm=$(submit --array="0-$((tasks - 1))" --output="$out/slurm-%A_%a.log" \
    "${sbatch_options[@]}" "$CAPE_ROOT/slurm/array.sbatch" "$config" \
    --out "$out" "$@")
fi
fit=$(submit --dependency="afterany:$farm" --output="$out/slurm-%j.log" \
  "$CAPE_ROOT/slurm/fit.sbatch" "$config" "$out" "$@")

echo "farm: job $farm, $what"
echo "fit:  job $fit, after it"
echo "rows, logs and the model: $out"
echo "watch: squeue --jobs $farm,$fit; tail -f $out/slurm-*.log;" \
  "$cape_bin/cape_farm $config --out $out${*:+ $*} --status"
