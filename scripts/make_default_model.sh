#!/usr/bin/env bash
# Fits the predictor that cape_predict uses when no model is named, on the shards
# in data/.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=${CAPE_BIN:-build/release/bin}
work=${CAPE_RUNS:-runs/metadataset}/model
data=${CAPE_DATA_OUT:-data}
target=$data/model

usage() {
  cat <<END
Usage: scripts/make_default_model.sh [cape_fit options]

Fits a model for each target and puts into $target what
cape_predict reads:
  batch_steps    $data/*.h5 and $data/diverse/*.h5;
                 scored on the former and on $data/heldout/*.h5
  full_training  $data/full/*.h5, where there are any
Models are compressed by gzip. Tables and reports are in $work/TARGET.
\$CAPE_BIN is the folder of the programs ($bin),
\$CAPE_RUNS and \$CAPE_DATA_OUT take the place of runs/metadataset and data.
Not --out: with a folder of your own call cape_fit data/*.h5 --out FOLDER.
END
}

fail() {
  printf 'make_default_model: %s\n' "$@" >&2
  exit 2
}

for option; do
  case $option in
    -h | --help) usage && exit 0 ;;
    --out | --out=*)
      fail "$option is not for this script; cape_fit data/*.h5 --out FOLDER" \
        "fits into a folder of your own"
      ;;
  esac
done
[[ -x $bin/cape_fit ]] ||
  fail "cape_fit is not in $bin; build it: cmake --build --preset release"
shopt -s nullglob
inputs=("$data"/*.h5) heldout=("$data"/heldout/*.h5)
((${#inputs[@]})) ||
  fail "there are no shards in $data; scripts/make_metadataset.sh makes them"
test=()
((${#heldout[@]} == 0)) || test=(--test "${heldout[@]}")
diverse=("$data"/diverse/*.h5) general=()
((${#diverse[@]} == 0)) || general=(--general "${diverse[@]}")
full=("$data"/full/*.h5)
sources=()
[[ ! -e $data/corpus.tsv ]] || sources=(--sources "$data/corpus.tsv")

# fit TARGET ARGUMENT...
fitted=()
fit() {
  local out=$work/$1
  shift
  mkdir -p "$work"
  fitted+=("$(basename "$out")")
  "$bin/cape_fit" "$@" "${sources[@]}" --out "$out"
}

fit batch_steps "${inputs[@]}" "${test[@]}" "${general[@]}" "$@"
((${#full[@]} == 0)) || fit full_training "${full[@]}" "$@"

# The old model goes when the new one is in its place, not before.
tidy_up() {
  if [[ ! -e $target && -e $scratch/old ]]; then
    mv -T "$scratch/old" "$target" || return
  fi
  rm -rf "$scratch"
}

scratch=$(mktemp -d "$data/.model.XXXXXX")
trap tidy_up EXIT
# Of each model what predicts, and its metrics; not its tables and report.
(cd "$work" && find "${fitted[@]}" -name '*.json' ! -path '*/tables/*' -print0) |
  while IFS= read -r -d '' file; do
    mkdir -p "$scratch/new/$(dirname "$file")"
    case $file in
      */cape.json | */metrics.json) cp "$work/$file" "$scratch/new/$file" ;;
      # A quarter of the size; without the time, which is no part of a model.
      *) gzip -9nc "$work/$file" >"$scratch/new/$file.gz" ;;
    esac
  done
[[ ! -e $target ]] || mv -T "$target" "$scratch/old"
mv -T "$scratch/new" "$target"
echo "model    $target"
