#!/usr/bin/env bash
# Downloads data sets, checks them, and puts them where cape_farm finds them.
# It is the only thing here that downloads data, and only what it is asked for.
set -euo pipefail

table=$(dirname "$0")/datasets.txt
folder=${CAPE_DATA:-}

usage() {
  cat <<END
Usage: scripts/fetch_datasets.sh [--data-dir DIR] [--table FILE] NAME...

Downloads the data sets named ("all" for every one) into DIR, \$CAPE_DATA by
default, and unpacks what is faster to use unpacked. What is there already and
has its checksum is not downloaded again.

  --table FILE   other addresses and checksums, in the format of
                 scripts/datasets.txt: a mirror's, for example

Data sets: $(names)
END
}

fail() {
  printf 'fetch_datasets: %s\n' "$@" >&2
  exit 2
}

say() { printf 'fetch_datasets: %s\n' "$*"; }

rows() { grep -v '^ *\(#\|$\)' "$table"; }

names() { rows | awk '!seen[$1]++ { printf "%s%s", sep, $1; sep = " " }'; }

has_checksum() { [[ -f $2 ]] && md5sum --status -c - <<<"$1  $2"; }

# download MD5 FILE ADDRESS: the file appears only when it is whole.
download() {
  local md5=$1 file=$2 address=$3 found
  if has_checksum "$md5" "$file"; then
    say "$file is there"
    return
  fi
  say "downloading $address"
  mkdir -p "$(dirname "$file")"
  # Goes on where an earlier attempt was cut off.
  curl --fail --location --retry 3 --silent --show-error --continue-at - \
    --output "$file.partial" "$address" ||
    fail "cannot download $address (curl's exit code is $?); try again later," \
      "or name a mirror with --table"
  if ! has_checksum "$md5" "$file.partial"; then
    found=$(md5sum <"$file.partial")
    rm "$file.partial"
    fail "$address is not the official file: its MD5 is ${found%% *}," \
      "expected $md5; it was removed"
  fi
  mv "$file.partial" "$file"
}

# Writes the MAT-file $1 into the new folder $2, its variables not compressed.
unpack_mat() {
  mkdir -p "$2"
  python3 - "$1" "$2/$(basename "$1")" <<'END'
import os, struct, sys, zlib

source, target = sys.argv[1:]
with open(source, "rb") as mat, open(target + ".partial", "wb") as out:
    out.write(mat.read(128))
    while tag := mat.read(8):
        kind, size = struct.unpack("<II", tag)
        data = mat.read(size)
        out.write(zlib.decompress(data) if kind == 15 else tag + data)
os.rename(target + ".partial", target)
END
}

# Programs map unpacked files, and so open them at once and share them. The
# reviews of IMDB would be 100,000 files.
unpack() {
  local file=$1
  case $file in
    *aclImdb*) ;;
    *.tar.gz) tar -xzf "$file" -C "$(dirname "$file")" --no-same-owner ;;
    *.zip)
      python3 -m zipfile -e "$file" "$(dirname "$file")"
      gunzip -kf "${file%.zip}"/*-train-*.gz
      ;;
    *.gz) gunzip -kf "$file" ;;
    *.mat) unpack_mat "$file" "$(dirname "$file")/unpacked" ;;
  esac
}

wanted=()
while (($# > 0)); do
  case $1 in
    --data-dir | --table)
      (($# > 1)) || fail "$1 needs a value"
      if [[ $1 == --table ]]; then table=$2; else folder=$2; fi
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    -*) usage >&2 && exit 2 ;;
    *) wanted+=("$1") ;;
  esac
  shift
done
[[ -r $table ]] || fail "cannot read the table $table"
((${#wanted[@]} > 0)) || { usage >&2 && exit 2; }
[[ -n $folder ]] || fail "where to? Give --data-dir or set CAPE_DATA"
if [[ ${wanted[*]} == all ]]; then
  read -ra wanted <<<"$(names)"
fi
for name in "${wanted[@]}"; do
  [[ " $(names) " == *" $name "* ]] ||
    fail "unknown data set '$name'; known are $(names)"
done
command -v curl >/dev/null || fail "curl is missing: apt-get install curl"

for name in "${wanted[@]}"; do
  while read -r -u 3 row md5 file address; do
    [[ $row == "$name" ]] || continue
    download "$md5" "$folder/$file" "$address"
    unpack "$folder/$file"
  done 3< <(rows)
done
say "done; cape_farm --list-datasets --data-dir $folder shows what there is"
