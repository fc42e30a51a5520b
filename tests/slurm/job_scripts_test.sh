#!/usr/bin/env bash
# Runs the job scripts without Slurm: squeue, scontrol, mpirun and cape_farm are
# stand-ins that note how they were called.
# shellcheck disable=SC2016
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

stand_in() { # NAME, its script on stdin
  { echo '#!/usr/bin/env bash' && cat; } >"$work/$1"
  chmod +x "$work/$1"
}

stand_in squeue <<<'echo "$TIME_LEFT"'
stand_in scontrol <<<'echo "scontrol $*"'
stand_in mpirun <<<'echo "mpirun $1 $2 $3"; shift 3; "$@"; exit "$MPI"'
stand_in sleep <<<'/bin/sleep 0.01' # the scripts look about once a second
stand_in cape_fit <<<'echo "cape_fit $*"'
stand_in cape_farm <<'END'
echo "cape_farm $*"
[[ $* != *--status* ]] || exit "$STATUS"
if [[ -n $SIGNAL ]]; then # asks the script for it until it is handed on
  trap 'echo "got $SIGNAL"; exit 75' "$SIGNAL"
  while kill -"$SIGNAL" "$PPID"; do :; done
fi
exit "$FARM"
END

# job VARIABLE=VALUE... SCRIPT [ARGUMENT...]: runs a job script; its output and
# then its status are in $output.
job() {
  local -a variables=()
  while [[ $1 == *=* ]]; do
    variables+=("$1")
    shift
  done
  local script=$root/slurm/$1
  shift
  output=$(env PATH="$work:$PATH" CAPE_ROOT="$root" CAPE_BIN="$work" FARM=0 \
    STATUS=0 MPI=0 SIGNAL='' TIME_LEFT=UNLIMITED SLURM_JOB_ID=9 \
    "${variables[@]}" "$script" "$@" 2>&1; echo "status $?") || :
}

part() { # the second of four parts, with the given variables
  job SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=4 \
    SLURM_ARRAY_TASK_MAX=3 "$@" farm_array.sbatch c.yaml --out o
}

expect() { # WHAT TEXT...: the output has each text
  local what=$1 text
  shift
  for text; do
    [[ $output == *"$text"* ]] && continue
    failures=$((failures + 1))
    printf 'FAILED: %s: no "%s" in\n%s\n\n' "$what" "$text" "$output"
  done
}

refuse() { # WHAT TEXT: the output does not have it
  [[ $output != *"$2"* ]] && return
  failures=$((failures + 1))
  printf 'FAILED: %s: "%s" in\n%s\n\n' "$1" "$2" "$output"
}

part
expect "a part" $'cape_farm c.yaml --out o --shard 1/4\n' "job 7_1: all done" \
  "status 0"
part TIME_LEFT=1-02:03:04
expect "days left" "--shard 1/4 --time-limit=93724s"
part TIME_LEFT=09:08
expect "minutes left" "--time-limit=488s"
part TIME_LEFT=0:30
expect "hardly any time left" "--time-limit=1s"

part FARM=75
expect "a part that needs more time" "queued again" "scontrol requeue 7_1" \
  "status 75"
part FARM=75 SLURM_RESTART_COUNT=100
expect "a part queued again too often" "not queued again" "status 75"
refuse "a part queued again too often" "scontrol"
part FARM=3
expect "a part with failed trials" "some trials failed" "status 3"
part FARM=2
expect "a part with a wrong configuration" "status 2"
refuse "a part with a wrong configuration" "scontrol"

part SIGNAL=USR1
expect "the end of the time" "got USR1" "scontrol requeue 7_1" "status 75"
part SIGNAL=TERM
expect "scancel" "got TERM" "submit it again" "status 75"
refuse "scancel" "scontrol"

part SLURM_ARRAY_TASK_COUNT=2
expect "an array with gaps" "set CAPE_PARTS" "status 2"
refuse "an array with gaps" "cape_farm c.yaml"
part SLURM_ARRAY_TASK_COUNT=2 CAPE_PARTS=8
expect "an array with gaps, the number of parts given" "--shard 1/8"

job FARM=3 MPI=1 STATUS=3 farm_mpi.sbatch c.yaml
expect "mpirun with a status of its own" "mpirun --bind-to none --oversubscribe" \
  "cape_farm c.yaml --status" "some trials failed" "status 3"
job MPI=75 farm_mpi.sbatch c.yaml
expect "an MPI farm that needs more time" "scontrol requeue 9" "status 75"
job MPI=1 STATUS=75 farm_mpi.sbatch c.yaml
expect "an MPI farm that broke" "submit it again" "status 75"
refuse "an MPI farm that broke" "scontrol"

job STATUS=3 fit.sbatch c.yaml o --folds 5
expect "the fit" "cape_farm c.yaml --out o --status" \
  "cape_fit o --out o/model --folds 5" "status 0"
job STATUS=75 fit.sbatch c.yaml o
expect "the fit of an unfinished farm" "the farm is not done" "status 75"
refuse "the fit of an unfinished farm" "cape_fit o --out"

((failures == 0)) && echo "all passed"
