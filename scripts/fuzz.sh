#!/usr/bin/env bash
# Builds the fuzz targets of tests/fuzz and runs each for a while, from its seeds
# in tests/fuzz/corpus and from what earlier runs have found, which is kept in
# the user's cache. A line a target; the input that ends one is kept, too.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/common.sh

usage() {
  cat <<END
Usage: scripts/fuzz.sh [SECONDS [TARGET...]]

Runs each target (of none named: all) for 10 SECONDS, one a core at a time.
Targets: $(printf '%s ' "${all[@]}")
Inputs go to $found
END
}

all=()
for folder in tests/fuzz/corpus/*/; do all+=("$(basename "$folder")"); done
found=$cape_cache/fuzz
case ${1:-10} in
  -h | --help) usage && exit 0 ;;
  *[!0-9]*) usage >&2 && exit 2 ;;
esac
seconds=${1:-10}
targets=("${@:2}")
((${#targets[@]})) || targets=("${all[@]}")
for target in "${targets[@]}"; do
  [[ -d tests/fuzz/corpus/$target ]] || { usage >&2 && exit 2; }
done

# run TARGET: fuzzes it and says how that went.
run() {
  local target=$1 log=$found/$1.log status=0
  mkdir -p "$found/$target"
  # What earlier runs ended with; the processes of shard_bytes that crash, as
  # they may, leave some as well.
  rm -f "$found/$target".{crash,leak,oom,timeout,slow-unit}-*
  TMPDIR=$scratch ASAN_OPTIONS=quarantine_size_mb=16 \
    "build/fuzz/bin/fuzz_$target" "$found/$target" "tests/fuzz/corpus/$target" \
    -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 \
    -print_final_stats=1 -artifact_prefix="$found/$target." \
    >"$log" 2>&1 </dev/null || status=$?
  if ((status != 0)); then
    printf '%-17s failed (%d): %s\n' "$target" $status "$log"
    grep -m 3 -E 'SUMMARY|runtime error|what\(\)|written to' "$log"
    return 1
  fi
  printf '%-17s clean: %s runs, %s branches\n' "$target" \
    "$(sed -n 's/^stat::number_of_executed_units: //p' "$log")" \
    "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)"
}
export -f run
export found seconds

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -- --quiet
scratch=$(mktemp -d)
export scratch
trap 'rm -rf "$scratch"' EXIT
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'run {}'
