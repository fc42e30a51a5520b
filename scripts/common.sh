# shellcheck shell=bash disable=SC2034
# Sourced by the other scripts: where things are, and stages with their times.

cape_cache=${CAPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cape-farm}
libtorch_version=$(sed -n 's/^torch==\([0-9.]*\).*/\1/p' \
  scripts/requirements-libtorch.txt)

# The folder of the Python environment for the tests; another list of packages
# is another folder, so that two clones can share the cache.
test_venv=$cape_cache/test-python-$(sha256sum scripts/requirements-test.txt |
  cut -c 1-12)

# PyTorch in Python is large, so that its environment is kept for its version,
# and the one in which the package is tested only points to it.
torch_venv=$cape_cache/foreign-python-$libtorch_version
package_venv=$cape_cache/package-python-$(sha256sum \
  scripts/requirements-package.txt | cut -c 1-12)

# provide_python VENV LIST: makes the Python environment VENV with the packages
# that the file LIST names, unless it is there.
provide_python() {
  mkdir -p "$cape_cache"
  exec 9>"$1.lock"
  flock 9
  # The list is copied into it last: with it, the environment is whole, unless
  # the Python that it was made with has been replaced by another version.
  if ! [[ -f $1/requirements.txt ]] ||
    ! "$1/bin/python" -c 'import pip' 2>/dev/null; then
    say "Installing Python packages into $1"
    rm -rf "$1"
    python3 -m venv "$1"
    "$1/bin/python" -m pip install --quiet --no-cache-dir \
      --disable-pip-version-check -r "$2"
    cp "$2" "$1/requirements.txt"
  fi
  exec 9>&-
}

# provide_torch: makes both environments for the tests of the Python package,
# unless they are there. REQUIRES: set -e, which ends it where something fails.
provide_torch() {
  if [[ ! -f $torch_venv/requirements.txt ]] &&
    "$torch_venv/bin/python" -c 'import torch' 2>/dev/null; then
    # Whole, but from before these environments kept their lists.
    cp scripts/requirements-torch.txt "$torch_venv"
  fi
  provide_python "$torch_venv" scripts/requirements-torch.txt
  provide_python "$package_venv" scripts/requirements-package.txt
  # Renamed, since another script may begin to read it at this moment.
  local path
  path=$(site_packages "$package_venv")/torch.pth
  site_packages "$torch_venv" >"$path.$$"
  mv "$path.$$" "$path"
}

# The folder of an environment's packages.
site_packages() {
  "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
}

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
  elif ((status == 77)); then
    outcome=skipped
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
