#!/usr/bin/env bash
# Usage: scripts/with_instructions.sh avx512|avx2|sse2 PROGRAM [ARGUMENT...]
#
# Runs PROGRAM_<instructions>, which is linked with the kernels for these
# instructions alone, and lets LibTorch, MKL and oneDNN use no newer ones. Exits
# with 77 where the machine does not have them.
set -euo pipefail

case ${1:-} in
  avx512) flags="avx512f avx512bw avx512vl" libraries="avx512 AVX512 AVX512_CORE" ;;
  avx2) flags="avx2 fma bmi2" libraries="avx2 AVX2 AVX2" ;;
  sse2) flags="sse2" libraries="default SSE4_2 SSE41" ;;
  *) sed -n '2s/^# //p' "$0" >&2 && exit 2 ;;
esac
instructions=$1
program=${2:?which program?}_$1
shift 2

for flag in $flags; do
  if ! grep -qw "$flag" /proc/cpuinfo; then
    echo "skipped: this machine has no $instructions ($flag)" >&2
    exit 77
  fi
done
read -r ATEN_CPU_CAPABILITY MKL_ENABLE_INSTRUCTIONS ONEDNN_MAX_CPU_ISA \
  <<<"$libraries"
export ATEN_CPU_CAPABILITY MKL_ENABLE_INSTRUCTIONS ONEDNN_MAX_CPU_ISA
exec "$program" "$@"
