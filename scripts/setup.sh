#!/usr/bin/env bash
# Installs what CAPE farm is built from; what is there already is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/common.sh

usage() {
  cat <<END
Usage: scripts/setup.sh [--cuda | --no-torch] [--tests] [--no-apt]

Installs the Debian packages that CAPE farm is built from, and LibTorch
$libtorch_version, unpacked from its Python wheel into
  $cape_cache
(\$CAPE_CACHE, else \$XDG_CACHE_HOME/cape-farm, else ~/.cache/cape-farm).
Another LibTorch >= 2.4 is taken when Torch_ROOT or CMAKE_PREFIX_PATH names it:
the official archive, or a conda or pip environment.

  --cuda      LibTorch with CUDA (downloads 2.3 GB instead of 0.5)
  --no-torch  no LibTorch: for the preset minimal
  --tests     also what scripts/test.sh needs
  --no-apt    leave the Debian packages alone
END
}

packages=(
  g++ cmake ninja-build ccache git pkg-config ca-certificates curl
  libopenmpi-dev openmpi-bin
  libhdf5-dev libyaml-cpp-dev libfmt-dev libspdlog-dev nlohmann-json3-dev
  libcli11-dev libxxhash-dev libdeflate-dev libarchive-dev
  libeigen3-dev libsvm-dev
  libjs-vega # draws the charts of reports
  libxgboost-dev
  libgtest-dev libgmock-dev
  python3-venv # brings pip, which downloads LibTorch
  dataset-fashion-mnist
)
test_packages=(
  clang-format clang-tidy
  clang libclang-rt-dev # libFuzzer
  slurm-wlm munge iproute2 # clusters of one machine
  mmdebstrap debian-archive-keyring # makes a Debian 13 to build in
)
# Opens reports. Ubuntu has it as a snap alone, and tests do without it.
grep -q '^ID=ubuntu$' /etc/os-release 2>/dev/null || test_packages+=(chromium)

say() { printf 'setup: %s\n' "$*"; }

fail() {
  printf 'setup: %s\n' "$@" >&2
  exit 2
}

# Prints those of the packages named that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
      grep -qx installed || echo "$package"
  done
}

install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "This is no Debian; it needs what Debian calls: $*"
    return
  fi
  local missing as_root=()
  mapfile -t missing < <(missing_packages "$@")
  if ((${#missing[@]} == 0)); then
    say "All ${#} Debian packages are there."
    return
  fi
  if ((EUID != 0)); then
    # On a terminal sudo may ask for a password.
    if command -v sudo >/dev/null &&
      { sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo true; }; }; then
      as_root=(sudo)
    else
      fail "These Debian packages are missing, and installing them takes root:" \
        "  apt-get install ${missing[*]}"
    fi
  fi
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -yq --no-install-recommends "${missing[@]}"; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    fail "apt-get failed; all of its output is in $log"
  fi
  rm "$log"
}

# A build takes a CMake of this version; an older one cannot say so, since it does
# not understand the files.
check_cmake() {
  local needed found
  needed=$(sed -n 's/^cmake_minimum_required(VERSION \(.*\))/\1/p' \
    CMakeLists.txt)
  command -v cmake >/dev/null ||
    fail "There is no cmake; version $needed or later is needed."
  found=$(cmake --version | sed -n '1s/.* //p')
  printf '%s\n' "$needed" "$found" | sort --check=quiet --version-sort ||
    fail "CMake $needed or later is needed; $(command -v cmake) is $found." \
      "  pip install cmake   brings a newer one"
}

need_python() {
  command -v python3 >/dev/null ||
    fail "There is no python3, whose pip downloads $1 (Debian: python3-venv)." \
      "${@:2}"
}

# A pip for downloads: Python's own or, where it has none, one from a new
# environment in the folder $1.
find_pip() {
  need_python LibTorch \
    "Another LibTorch can be named: Torch_ROOT=/path/to/libtorch"
  if python3 -m pip --version >/dev/null 2>&1; then
    pip=(python3 -m pip)
  else
    python3 -m venv "$1" ||
      fail "python3 has neither pip nor venv (Debian: python3-venv)."
    pip=("$1/bin/python" -m pip)
  fi
}

# Unpacks what C++ needs from the wheels in the folder $1 into the folder $2.
unpack_wheels() {
  python3 - "$@" <<'END'
import pathlib, re, sys, zipfile

wheels, target, flavour = sys.argv[1:]
wanted = re.compile(r"torch/(include|share)/|torch/lib/.*\.so|nvidia/.*\.so")
unwanted = r"libtorch_python|libshm"
if flavour == "cpu":
    unwanted += r"|libtorch_cuda|libtorch_nvshmem|libc10_cuda|libcaffe2_nvrtc"
unwanted = re.compile(unwanted)
for wheel in pathlib.Path(wheels).glob("*.whl"):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target, [
            name for name in archive.namelist()
            if wanted.match(name) and not unwanted.search(name)])
END
}

# Downloads LibTorch and renames it into place when it is whole, so that what
# an interruption leaves is never taken for one.
install_libtorch() {
  local flavour=$1 target=$2 partial=$2.partial
  local requirements=(-r scripts/requirements-libtorch.txt)
  if [[ $flavour == cuda ]]; then
    requirements+=(-r scripts/requirements-libtorch-cuda.txt)
  fi
  rm -rf "$partial"
  trap "rm -rf '$partial'" EXIT
  mkdir -p "$partial/wheels"
  find_pip "$partial/venv"
  say "Downloading LibTorch $libtorch_version ($flavour)."
  # One wheel, whatever Python this machine has; the temporary files beside it,
  # because /tmp can be small.
  TMPDIR=$partial "${pip[@]}" download --quiet --disable-pip-version-check \
    --no-cache-dir --no-deps --require-hashes --only-binary=:all: \
    --python-version 3.12 --implementation cp --abi cp312 --abi none \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
    --platform manylinux_2_25_x86_64 --platform manylinux_2_18_x86_64 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    --platform manylinux_2_12_x86_64 --platform manylinux2010_x86_64 \
    --platform manylinux_2_5_x86_64 --platform manylinux1_x86_64 \
    --dest "$partial/wheels" "${requirements[@]}"
  say "Unpacking it into $target"
  mkdir "$partial/libtorch"
  unpack_wheels "$partial/wheels" "$partial/libtorch" "$flavour"
  sync -f "$partial/libtorch"
  mv -T "$partial/libtorch" "$target"
}

# Whether the environment names a LibTorch outside of our cache.
libtorch_is_named() {
  local found
  [[ -n ${Torch_ROOT:-} ]] || {
    found=$(cmake -P cmake/CheckLibTorch.cmake 2>/dev/null) &&
      [[ $found != *" $(realpath -m "$cape_cache")/"* ]]
  }
}

provide_libtorch() {
  local flavour=$1 target=$cape_cache/libtorch-$libtorch_version
  [[ $flavour == cpu ]] || target+=-$flavour
  if [[ ! -d $target ]] && ! libtorch_is_named; then
    [[ $(uname -sm) == "Linux x86_64" ]] || fail \
      "The LibTorch that this script downloads is for Linux on x86-64." \
      "Name another of version 2.4 or later: Torch_ROOT=/path/to/libtorch"
    mkdir -p "$cape_cache"
    # A second set-up waits for the first, then finds its work done.
    exec 9>"$target.lock"
    flock 9
    [[ -d $target ]] || (install_libtorch "$flavour" "$target")
    exec 9>&-
  fi
  cmake -P cmake/CheckLibTorch.cmake || exit 2
}

flavour=cpu apt=yes tests=no
for argument in "$@"; do
  case $argument in
    --cuda) flavour=cuda ;;
    --no-torch) flavour=none ;;
    --tests) tests=yes ;;
    --no-apt) apt=no ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
done

if [[ $tests == yes ]]; then
  packages+=("${test_packages[@]}")
fi
if [[ $apt == yes ]]; then
  install_packages "${packages[@]}"
fi
check_cmake
[[ $flavour == none ]] || provide_libtorch "$flavour"
if [[ $tests == yes ]]; then
  need_python "what the tests need"
  provide_python "$test_venv" scripts/requirements-test.txt
fi
say "Done."
