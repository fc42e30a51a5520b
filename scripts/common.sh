# shellcheck shell=bash disable=SC2034
# Sourced by the other scripts: where things are, and stages with their times.

cape_cache=${CAPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cape-farm}
libtorch_version=$(sed -n 's/^torch==\([0-9.]*\).*/\1/p' \
  scripts/requirements-libtorch.txt)

# The folder of the Python environment for the tests; another list of packages
# is another folder, so that two clones can share the cache.
test_venv=$cape_cache/test-python-$(sha256sum scripts/requirements-test.txt |
  cut -c 1-12)

stage_times=()

# stage NAME COMMAND...: runs the command and notes its time. Its status is the
# command's.
stage() {
  local name=$1 start=$SECONDS status=0
  shift
  printf '\n== %s\n' "$name"
  "$@" || status=$?
  local outcome=ok
  if ((status == 124)); then
    outcome="stopped at its limit"
  elif ((status != 0)); then
    outcome="failed ($status)"
  fi
  stage_times+=("$(printf '%-24s %5d s  %s' "$name" $((SECONDS - start)) \
    "$outcome")")
  return $status
}

# Prints what each stage took.
print_stage_times() {
  printf '\n'
  printf '%s\n' "${stage_times[@]}"
  printf '%-24s %5d s\n' total $SECONDS
}

# Open MPI refuses to run as root without these.
if ((EUID == 0)); then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
