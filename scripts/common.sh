# Sourced by the other scripts: where things are, and stages with their times.

cape_cache=${CAPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cape-farm}
libtorch_version=$(sed -n 's/^torch==\([0-9.]*\).*/\1/p' \
  scripts/requirements-libtorch.txt)

# The folder of the Python environment for the tests; another list of packages
# is another folder, so that two clones can share the cache.
test_venv=$cape_cache/test-python-$(sha256sum scripts/requirements-test.txt |
  cut -c 1-12)

stage_times=()

# stage NAME LIMIT COMMAND...: runs the command, for at most LIMIT (as timeout
# has it), and notes its time. Its status is the command's.
stage() {
  local name=$1 limit=$2 start=$SECONDS status=0
  shift 2
  printf '\n== %s\n' "$name"
  timeout --kill-after=10 "$limit" "$@" || status=$?
  local outcome=ok
  if ((status == 124)); then
    outcome="stopped at its limit of $limit"
  elif ((status != 0)); then
    outcome="failed ($status)"
  fi
  stage_times+=("$(printf '%-28s %5d s  %s' "$name" $((SECONDS - start)) \
    "$outcome")")
  return $status
}

# Prints what each stage took.
print_stage_times() {
  printf '\n'
  printf '%s\n' "${stage_times[@]}"
  printf '%-28s %5d s\n' total $SECONDS
}

# Open MPI refuses to run as root without these.
if ((EUID == 0)); then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
