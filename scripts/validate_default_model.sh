#!/usr/bin/env bash
# Measures how good the default predictor is and writes it into
# docs/validation.md.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/common.sh

bin=${CAPE_BIN:-build/release/bin}
work=${CAPE_RUNS:-runs/metadataset}/validation
data=${CAPE_DATA_OUT:-data}
python=$test_venv/bin/python
page=docs/validation.md
# Fresh trials: those of another master seed, so other networks on other batches.
seed=2026
fresh=("mlp 3" "rnn 3" "cnn 3" "transformer 1") # trials a cell

usage() {
  cat <<END
Usage: scripts/validate_default_model.sh [--without-fresh] [cape_farm options]

Fits $data again as scripts/make_default_model.sh does, with
$data/heldout/*.h5 as test rows; fits the data sets without variants, for the
paper's tables; measures fresh trials of every family, about an hour of two
cores, and scores the predictor on them (not with --without-fresh); measures
some of the rows in $data again; and writes the tables into
$page. What is measured stays in $work.
scripts/setup.sh --tests installs what it needs.

Data sets are looked for in \$CAPE_DATA (or --data-dir DIR).
\$CAPE_BIN is the folder of the programs ($bin),
\$CAPE_RUNS and \$CAPE_DATA_OUT take the place of runs/metadataset and data.
END
}

fail() {
  printf 'validate_default_model: %s\n' "$@" >&2
  exit 2
}

with_fresh=yes
case ${1:-} in
  -h | --help) usage && exit 0 ;;
  --without-fresh) with_fresh=no && shift ;;
esac
options=("$@")
[[ -x $bin/cape_fit && -x $bin/cape_farm ]] ||
  fail "cape_farm or cape_fit is not in $bin; build them: scripts/setup.sh &&" \
    "cmake --preset release && cmake --build --preset release"
for file in "$data"/{mlp,rnn,cnn,transformer,heldout/svhn_imdb}.h5; do
  [[ -f $file ]] ||
    fail "there is no $file; scripts/make_metadataset.sh makes it"
done
[[ -x $python ]] || fail "there is no $python; scripts/setup.sh --tests makes it"
"$python" scripts/validation_tables.py --check "$data" "$page" || exit 2

# farm NAME OUT OVERRIDE...: trials that failed do not count as an error.
farm() {
  local name=$1 out=$2 status=0
  shift 2
  "$bin/cape_farm" "configs/metadataset/$name.yaml" --out "$out" \
    "$@" "${options[@]}" || status=$?
  ((status == 3)) || return "$status"
}

measure_fresh() {
  local entry name trials
  for entry in "${fresh[@]}"; do
    read -r name trials <<<"$entry"
    farm "$name" "$work/fresh/$name" "seed=$seed" "grid.trials=$trials" ||
      return
  done
}

fit() {
  local out=$1
  shift
  "$bin/cape_fit" "$@" --out "$work/$out" >"$work/$out.txt"
}

mkdir -p "$work"
shopt -s nullglob
diverse=("$data"/diverse/*.h5) more=()
((${#diverse[@]} == 0)) || more+=(--general "${diverse[@]}")
[[ ! -e $data/corpus.tsv ]] || more+=(--sources "$data/corpus.tsv")
stage "rows again" farm mlp "$work/again/mlp" grid.trials=1
stage "fit, held out" fit heldout "$data"/*.h5 "${more[@]}" \
  --test "$data"/heldout/*.h5
if [[ $with_fresh == yes ]]; then
  stage "fresh trials" measure_fresh
  stage "fit, fresh trials" fit fresh_model "$data"/*.h5 "${more[@]}" \
    --test "$work"/fresh/*
fi
stage "fit, paper's tables" fit plain \
  "$data"/{mlp,rnn,cnn,transformer}.h5 --paper-tables \
  --test "$data"/heldout/*.h5
stage "tables" "$python" scripts/validation_tables.py "$work" "$data" "$page"
print_stage_times
