#!/usr/bin/env bash
# Usage: scripts/with_instructions.sh avx512|avx2|sse2 PROGRAM [ARGUMENT...]
#
# Runs PROGRAM_<instructions>, which is linked with the kernels for these
# instructions alone, and limits LibTorch, MKL and oneDNN to them; the least that
# MKL and oneDNN can be limited to is SSE 4. Exits with 77 where the machine does
# not have the instructions.
set -euo pipefail

usage() {
  sed -n '2s/^# //p' "$0" >&2
  exit 2
}

(($# >= 2)) || usage
case $1 in
  avx512) flags="avx512f avx512bw avx512cd avx512dq avx512vl" libraries="avx512 AVX512 AVX512_CORE" ;;
  avx2) flags="avx2 abm bmi1 bmi2 f16c fma movbe" libraries="avx2 AVX2 AVX2" ;;
  sse2) flags="sse2 sse4_2" libraries="default SSE4_2 SSE41" ;;
  *) usage ;;
esac
instructions=$1
program=$2_$1
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
