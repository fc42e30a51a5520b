#!/usr/bin/env bash
# Builds everything and runs the tests; --all adds those of the Python package with
# PyTorch, which are skipped where it cannot be installed, those on clusters that are
# made for them (a Slurm of one node, two hosts), those under AddressSanitizer, those
# in Debian 13, clang-tidy and ten seconds of each fuzz target. The last line is "N
# passed, N failed".
set -uo pipefail
set -m # a process group a stage, so that all of it can be stopped
cd "$(dirname "$0")/.." || exit
source scripts/common.sh

all=no
case ${1:-} in
  "") ;;
  --all) all=yes ;;
  *) echo "Usage: scripts/test.sh [--all]" >&2 && exit 2 ;;
esac

jobs=$(nproc)
passed=0 failed=0 skipped=0
within=() # the command by which tests are run elsewhere

# limited NAME LIMIT COMMAND...: a stage that is stopped after LIMIT, and with
# this script.
limited() {
  stage "$1" run_limited "${@:2}"
}
run_limited() {
  timeout --kill-after=10 "$@" </dev/null &
  wait $!
}
trap 'kill $!; exit 130' INT TERM

# Downloads what later stages need while this machine compiles. Such a stage waits
# at the lock until it is there, and says so where it is not.
download_ahead() {
  {
    scripts/in_debian13.sh true
    scripts/test_package.sh --install
  } </dev/null &>/dev/null &
  downloads=$!
  trap 'kill -- -$downloads 2>/dev/null' EXIT
}

# A limited stage that is not a set of tests; it counts when it fails, and when it
# says by 77 that it was skipped.
check() {
  limited "$@"
  case $? in
    0) return ;;
    77) skipped=$((skipped + 1)) ;;
    *) failed=$((failed + 1)) ;;
  esac
  return 1
}

# run_tests NAME LIMIT PRESET OPTION...: runs those tests of a preset that the
# options of ctest name, and counts them.
run_tests() {
  local log=build/$3/ctest.log closing ran bad idle shards
  : >"$log"
  limited "tests ($1)" "$2" \
    "${within[@]}" ctest --preset "$3" -j "$jobs" --output-log "$log" "${@:4}"
  # ctest counts what it skipped as passed.
  idle=$(grep -c '\*\*\*Skipped' "$log")
  closing=$(sed -n 's/.*tests passed, \([0-9]*\) tests* failed out of /\1 /p' \
    "$log")
  if read -r bad ran <<<"$closing"; then
    passed=$((passed + ran - bad - idle))
    failed=$((failed + bad)) skipped=$((skipped + idle))
    read -ra shards < <(count_shards "build/$3/Testing/Temporary/LastTest.log")
    passed=$((passed + shards[0])) failed=$((failed + shards[1]))
    skipped=$((skipped + shards[2]))
  else
    failed=$((failed + 1)) # stopped before its closing line
  fi
}
# count_shards LOG: a program that runs in shards is one test of ctest for each
# shard. Prints how many more have passed, failed and been skipped when its tests
# are counted instead. A shard that fails without such a test counts as one.
count_shards() {
  awk '
    / Test: / { shard = /:[0-9]+of[0-9]+$/; bad = 0 }
    !shard { next }
    /^\[  PASSED  \] [0-9]+ tests?/ { passed += $4 }
    /^\[  SKIPPED \] [0-9]+ tests?/ { skipped += $4 }
    /^\[  FAILED  \] [A-Za-z]/ { ++bad } # brief output names each of them once
    /^Test Passed\.$/ { --passed }
    /^Test Failed\.$/ { failed += (bad ? bad : 1) - 1 }
    END { print passed + 0, failed + 0, skipped + 0 }' "$1"
}

# run_package_tests LIMIT: runs those of the Python package, and counts them.
run_package_tests() {
  local log=build/release/package.log status ran bad idle
  limited "tests (package)" "$1" bash -o pipefail -c \
    'scripts/test_package.sh 2>&1 | tee "$0"' "$log"
  status=$?
  if ((status == 77)); then
    skipped=$((skipped + 1)) # the log says why
    return
  fi
  # unittest ends with "Ran 36 tests in 50.1s" and "FAILED (failures=1, skipped=2)".
  ran=$(sed -n 's/^Ran \([0-9]*\) tests* in .*/\1/p' "$log")
  bad=$(count_in_closing failures "$log")
  bad=$((bad + $(count_in_closing errors "$log")))
  idle=$(count_in_closing skipped "$log")
  if [[ -n $ran ]] && ((status == 0 || bad > 0)); then
    # A test of many cases can fail more than once.
    ((bad <= ran - idle)) || bad=$((ran - idle))
    passed=$((passed + ran - bad - idle))
    failed=$((failed + bad)) skipped=$((skipped + idle))
  else
    failed=$((failed + 1)) # stopped before its closing line
  fi
}
count_in_closing() {
  local count
  count=$(sed -nE "s/^(OK|FAILED) \(.*$1=([0-9]+).*/\2/p" "$2" | tail -n 1)
  echo "${count:-0}"
}

# test_in_debian13: builds and tests there what does not need Torch.
test_in_debian13() {
  local within=(scripts/in_debian13.sh)
  if check "Debian 13" 15m "${within[@]}" true &&
    check "build (Debian 13)" 20m "${within[@]}" \
      sh -c 'cmake --preset debian13 && cmake --build --preset debian13'; then
    run_tests "Debian 13" 5m debian13 -L '^unit$' -E "$figures_in_ctest"
  fi
}

clusters='^(slurm|hosts)$' # labels of tests
# Tests of figures, which take minutes under a sanitizer and are the same elsewhere:
# for GoogleTest, then for ctest.
figures='PublishedRows.*:PublishedEpochFigures.*:GeneralModel.KnowsWhereItIsLessSure'
figures+=':GeneralModel.PredictsKindsAndSourcesThatWereLeftOut'
figures_in_ctest="^predictor:(${figures//:/|})\$"
# Tests of figures, scripts and a page in a browser, which start the programs as
# other tests start them.
programs='^(end_to_end:(default_model|install|metadataset)_test'
programs+='|predictor:(python|report))$'

# What follows runs in a shell of its own, under timeout.
check_format() {
  if ! clang-format --version | grep -q ' 14\.'; then
    echo "skipped: only clang-format 14 formats as the code is formatted"
    return 77
  fi
  find src tests bench -name '*.h' -print0 -o -name '*.cpp' -print0 |
    xargs -0 clang-format --dry-run -Werror
}
build() {
  local preset=$1
  shift
  cmake --preset "$preset" -DCAPE_WERROR=ON "$@" &&
    cmake --build --preset "$preset"
}
tidy() {
  # What ships; the tests would take twice as long again. The files are in the
  # groups in which they are compiled.
  run-clang-tidy -quiet -p "$1" -j "$2" '/src/.*\.c(pp|xx)$' \
    >"$1/tidy.log" 2>&1 && return
  grep -E -A 4 '(error|warning):' "$1/tidy.log"
  return 1
}
export -f check_format build tidy

# The limits end what hangs; on two quiet cores, from nothing, the stages take
# less than half of them.
if check "set-up" 10m scripts/setup.sh --tests; then
  python=-DCAPE_TEST_PYTHON=$test_venv/bin/python
  [[ $all == no ]] || download_ahead
  check "format" 1m bash -c check_format
  if check "build (release)" 30m bash -c 'build "$@"' - release "$python"; then
    run_tests release 15m release -LE "$clusters"
    if [[ $all == yes ]]; then
      # The limit is for installing PyTorch, once.
      run_package_tests 40m
      run_tests clusters 8m release -L "$clusters"
      # Why tests were left out.
      grep '^skipped: ' build/release/Testing/Temporary/LastTest.log
    fi
  fi
  if [[ $all == yes ]] &&
    check "build (asan)" 20m bash -c 'build "$@"' - asan "$python"; then
    within=(env GTEST_FILTER="-$figures")
    run_tests asan 12m asan -LE "$clusters" -E "$programs"
    within=()
    check "clang-tidy" 15m bash -c 'tidy "$@"' - build/asan "$jobs"
  fi
  if [[ $all == yes ]]; then
    test_in_debian13
    check "fuzzing" 10m scripts/fuzz.sh 10
  fi
fi

print_stage_times
((skipped == 0)) || echo "$skipped skipped"
echo "$passed passed, $failed failed"
((failed == 0))
