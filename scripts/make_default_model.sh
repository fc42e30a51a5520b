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

Fits $data/*.h5 into $work, with tables and the report, and the
general model on those and on $data/diverse/*.h5,
scores it on $data/heldout/*.h5, and puts into $target what
cape_predict reads.
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
[[ ! -e $data/corpus.tsv ]] || general+=(--sources "$data/corpus.tsv")

"$bin/cape_fit" "${inputs[@]}" "${test[@]}" "${general[@]}" --out "$work" "$@"

# The old model goes when the new one is in its place, not before.
tidy_up() {
  if [[ ! -e $target && -e $scratch/old ]]; then
    mv -T "$scratch/old" "$target" || return
  fi
  rm -rf "$scratch"
}

scratch=$(mktemp -d "$data/.model.XXXXXX")
trap tidy_up EXIT
mkdir "$scratch/new"
cp "$work"/{model,cape,metrics}.json "$scratch/new"
for part in general first_steps; do
  [[ ! -e $work/$part.json ]] || cp "$work/$part.json" "$scratch/new"
done
[[ ! -e $target ]] || mv -T "$target" "$scratch/old"
mv -T "$scratch/new" "$target"
echo "model    $target"
