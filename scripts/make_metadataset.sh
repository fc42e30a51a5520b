#!/usr/bin/env bash
# Makes the shards in data/ that the default predictor is fitted on, by the
# configurations in configs/metadataset.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/common.sh

bin=${CAPE_BIN:-build/release/bin}
runs=${CAPE_RUNS:-runs/metadataset}
data=${CAPE_DATA_OUT:-data}
networks=${CAPE_NETWORKS:-runs/networks}
# The cheapest first; hours lie between the first and the last.
all=(mlp diverse_zoo_mlp diverse_mlp diverse_recurrent diverse_cnn
  diverse_transformer diverse_dropout diverse_wide diverse_optimizers
  diverse_networks
  diverse_zoo_recurrent diverse_zoo_cnn
  full_mlp full_dropout full_recurrent full_cnn full_transformer
  mlp_variants rnn cnn heldout transformer rnn_variants cnn_variants
  transformer_variants)

usage() {
  cat <<END
Usage: scripts/make_metadataset.sh [--export] [NAME...] [-- cape_farm options]

Measures the grids of configs/metadataset/NAME.yaml (of none named: all) one
after the other, on all cores, into $runs/NAME, and then
writes $data/NAME.h5 (heldout: $data/heldout/svhn_imdb.h5, diverse_NAME:
$data/diverse/NAME.h5, full_NAME: $data/full/NAME.h5) and
$data/SHA256SUMS.
What is measured stays: the same command goes on where it was stopped, and
where $runs/NAME has no rows yet it begins with those of the
file. A file is never replaced by one with fewer rows.

  --export   measure nothing; write what has been measured so far

What is behind -- goes to cape_farm: -- --time-limit 2h grid.trials=2
The diverse and full grids need the corpus: scripts/make_corpus.sh.
diverse_networks has a grid for each data set, which
scripts/make_diverse_networks.sh makes in $networks. A time limit is for each of
these grids; the first that reaches it ends the script.
Data sets are looked for in \$CAPE_DATA (or -- --data-dir DIR).
\$CAPE_BIN is the folder of the programs ($bin),
\$CAPE_RUNS, \$CAPE_DATA_OUT and \$CAPE_NETWORKS take the place of $runs,
$data and $networks.

Names: ${all[*]}
END
}

fail() {
  printf 'make_metadataset: %s\n' "$@" >&2
  exit 2
}

say() { printf 'make_metadataset: %s\n' "$*"; }

# farm NAME OPTION...: runs cape_farm on each configuration of NAME. Stops at the
# first that fails; failed trials (3) do not stop it.
farm() {
  local name=$1 config status worst=0
  local configs=("configs/metadataset/$name.yaml")
  shift
  if [[ $name == diverse_networks ]]; then
    configs=("$networks"/diverse_networks_*.yaml)
    [[ -f ${configs[0]} ]] || {
      echo "there are no networks in $networks; make them:" \
        "scripts/make_diverse_networks.sh $networks" >&2
      return 2
    }
  fi
  for config in "${configs[@]}"; do
    status=0
    "$bin/cape_farm" "$config" --out "$runs/$name" "$@" || status=$?
    case $status in
      0) ;;
      3) worst=3 ;;
      *) return "$status" ;;
    esac
  done
  return "$worst"
}

# Says at once what would stop a farm in some hours, such as a data set that is
# not there.
check() {
  local name problems
  for name in "$@"; do
    problems=$(farm "$name" "${options[@]}" --plan 2>&1 >/dev/null) ||
      fail "$name cannot run:" "$problems"
  done
}

# The file in data/ that the rows of NAME go to.
file_of() {
  case $1 in
    heldout) echo heldout/svhn_imdb.h5 ;;
    diverse_*) echo "diverse/${1#diverse_}.h5" ;;
    full_*) echo "full/${1#full_}.h5" ;;
    *) echo "$1.h5" ;;
  esac
}

is_measured() { compgen -G "$runs/$1/*.h5" >/dev/null; }

# begin NAME: with the rows that the file has, where there are no others yet.
begin() {
  local file
  file=$data/$(file_of "$1")
  if ! is_measured "$1" && [[ -f $file ]]; then
    say "$1 goes on from the rows in $file"
    mkdir -p "$runs/$1"
    cp "$file" "$runs/$1/.begin"
    mv "$runs/$1/.begin" "$runs/$1/$(basename "$file")"
  fi
}

measure() {
  local name status
  for name in "$@"; do
    begin "$name"
    stage "$name" farm "$name" "${options[@]}" && status=0 || status=$?
    case $status in
      0) ;;
      3) say "$name: some trials failed; the rest counts" ;;
      75)
        say "$name stopped early: the same command goes on, --export writes" \
          "what is there"
        exit 75
        ;;
      *) exit "$status" ;;
    esac
  done
}

# Prints the number of rows in a shard; 0 where this program cannot read it.
rows_of() {
  "$bin/cape_fit" "$1" --export-only --export-csv "$scratch/rows.csv" \
    >/dev/null 2>&1 || { echo 0 && return; }
  tail -n +2 "$scratch/rows.csv" | wc -l
}

# expect_no_loss NAME: ends the script where the new file has fewer rows than the
# one in its place.
expect_no_loss() {
  local file there new
  file=$(file_of "$1")
  [[ -f $scratch/$file && -f $data/$file ]] || return 0
  there=$(rows_of "$data/$file")
  new=$(rows_of "$scratch/$file")
  ((new >= there)) ||
    fail "$data/$file has $there rows, and $runs/$1 only $new: nothing" \
      "was replaced. To go on from the file, copy it into that folder;" \
      "to have fewer rows, remove it first"
}

# export_files NAME...: what has been measured for each, as one shard. All are
# written before the first takes its place.
export_files() {
  local name file
  mkdir -p "$data"/{heldout,diverse,full}
  scratch=$(mktemp -d "$data/.partial.XXXXXX")
  trap 'rm -rf "$scratch"; rmdir "$data"/{heldout,diverse,full} 2>/dev/null || :' EXIT
  mkdir "$scratch"/{heldout,diverse,full}
  for name; do
    if is_measured "$name"; then
      "$bin/cape_fit" "$runs/$name" --export-only \
        --export-shard "$scratch/$(file_of "$name")"
    else
      say "$name has not been measured"
    fi
  done
  for name; do expect_no_loss "$name"; done
  for name; do
    file=$(file_of "$name")
    [[ -f $scratch/$file ]] || continue
    mv "$scratch/$file" "$data/$file"
    say "$data/$file: $(stat -c %s "$data/$file") bytes"
  done
  (cd "$data" && find . -name '*.h5' -not -path './.partial.*' -printf '%P\0' |
    sort -z | xargs -0r sha256sum) >"$scratch/SHA256SUMS"
  mv "$scratch/SHA256SUMS" "$data/SHA256SUMS"
}

names=() options=() measures=yes
while (($#)); do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --export) measures=no ;;
    --) shift && options=("$@") && break ;;
    *)
      [[ " ${all[*]} " == *" $1 "* ]] ||
        fail "there is no configuration '$1'; there are ${all[*]}"
      names+=("$1")
      ;;
  esac
  shift
done
((${#names[@]})) || names=("${all[@]}")
[[ -x $bin/cape_fit && -x $bin/cape_farm ]] ||
  fail "cape_farm or cape_fit is not in $bin; build them: scripts/setup.sh &&" \
    "cmake --preset release && cmake --build --preset release"

if [[ $measures == yes ]]; then
  check "${names[@]}"
  measure "${names[@]}"
fi
export_files "${names[@]}"
