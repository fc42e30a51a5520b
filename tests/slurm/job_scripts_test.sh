#!/usr/bin/env bash
# Runs the job scripts without Slurm: its commands, mpirun and cape_farm are
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
stand_in scontrol <<'END'
if [[ $* == "show config" ]]; then
  echo "MaxArraySize            = 10"
else
  echo "scontrol $*"
fi
END
stand_in sbatch <<'END'
echo "sbatch ${CAPE_PARTS:--} ${CAPE_PARTS_PER_TASK:--} $*" >>"$LOG"
echo "41;cluster"
END
stand_in mpirun <<<'echo "mpirun $1 $2 $3"; shift 3; "$@"; exit "$MPI"'
stand_in sleep <<<'/bin/sleep 0.01' # the scripts look about once a second
stand_in cape_fit <<<'echo "cape_fit $*"'
stand_in cape_farm <<'END'
echo "cape_farm $*"
if [[ $* == *--status* ]]; then # each time with a row more, or not
  [[ -z $FRUITLESS ]] && echo x >>"$LOG"
  read -r _ _ _ script _ <"/proc/$PPID/stat" # above a subshell
  [[ -z $EARLY ]] || kill -"$EARLY" "$script"
  echo "rows        $(wc -l <"$LOG") of 90"
  exit "$STATUS"
fi
if [[ -n $SIGNAL ]]; then # asks the script for it until it is handed on
  trap 'echo "got $SIGNAL"; exit 75' "$SIGNAL"
  while kill -"$SIGNAL" "$PPID"; do :; done
fi
read -r first later <<<"$FARM" # the status of the parts after the first, too
[[ -z $later || $* == *"--shard 3/"* ]] && exit "$first"
exit "$later"
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
  : >"$work/log"
  output=$(cd "$work" && env PATH="$work:$PATH" CAPE_ROOT="$root" \
    CAPE_BIN="$work" LOG="$work/log" EARLY='' FARM=0 FRUITLESS='' STATUS=0 MPI=0 \
    SIGNAL='' TIME_LEFT=UNLIMITED SLURM_JOB_ID=9 \
    "${variables[@]}" "$script" "$@" 2>&1; echo "status $?") || :
}

part() { # the second of four parts, with the given variables
  job SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=4 \
    SLURM_ARRAY_TASK_MAX=3 "$@" array.sbatch c.yaml --out o
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

part TIME_LEFT=0:30 SLURM_JOB_END_TIME=$(($(date +%s) + 9000))
expect "the end of the job as newer Slurms say it" "--time-limit=89"

part FARM=75
expect "a part that needs more time" "queued again" "scontrol requeue 7_1" \
  "status 75"
part FARM=75 SLURM_RESTART_COUNT=100
expect "a part queued again too often" "not queued again" "status 75"
refuse "a part queued again too often" "scontrol"
part FARM=75 FRUITLESS=1
expect "a part that stops before its first row" \
  "before it had a single new row" "not queued again" "status 75"
refuse "a part that stops before its first row" "scontrol"
part FARM=137 STATUS=75
expect "a part whose farm was killed" "ended with status 137" \
  "scontrol requeue 7_1" "status 75"
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

part EARLY=USR1
expect "the end of the time before the farm's start" "scontrol requeue 7_1" \
  "status 75"
refuse "the end of the time before the farm's start" $'--shard 1/4\n'
part EARLY=TERM
expect "scancel before the farm's start" "submit it again" "status 75"

part SLURM_ARRAY_TASK_COUNT=2
expect "an array with gaps" "set CAPE_PARTS" "status 2"
refuse "an array with gaps" "cape_farm c.yaml"
part SLURM_ARRAY_TASK_COUNT=2 CAPE_PARTS=8
expect "an array with gaps, the number of parts given" "--shard 1/8"

several=(CAPE_PARTS=7 CAPE_PARTS_PER_TASK=3)
part "${several[@]}"
expect "several parts a task" "--shard 3/7" "--shard 4/7" "--shard 5/7" \
  "status 0"
refuse "several parts a task" "--shard 6/7"
part "${several[@]}" SLURM_ARRAY_TASK_ID=2 FARM=3
expect "the last of several parts" "--shard 6/7" "status 3"
refuse "the last of several parts" "--shard 7/7"
part "${several[@]}" FARM=75
expect "the first of several parts at the end of its time" "--shard 3/7" \
  "scontrol requeue 7_1"
refuse "the first of several parts at the end of its time" "--shard 4/7"
part "${several[@]}" FARM="3 2"
expect "a part that breaks after one with failed trials" "--shard 4/7" "status 2"
refuse "a part that breaks after one with failed trials" "--shard 5/7"

job FARM=3 MPI=1 STATUS=3 farm.sbatch c.yaml
expect "mpirun with a status of its own" "mpirun --bind-to none --oversubscribe" \
  "ended with status 1" "rows  " "some trials failed" "status 3"
job MPI=75 farm.sbatch c.yaml
expect "an MPI farm that needs more time" "scontrol requeue 9" "status 75"
job MPI=1 STATUS=75 farm.sbatch c.yaml
expect "an MPI farm that lost a rank" "scontrol requeue 9" "status 75"
job MPI=1 STATUS=75 FRUITLESS=1 farm.sbatch c.yaml
expect "an MPI farm that broke" "not queued again" "status 75"
refuse "an MPI farm that broke" "scontrol"

job STATUS=3 fit.sbatch c.yaml o grid.trials=2 -- --folds 5
expect "the fit" "cape_farm c.yaml --out o grid.trials=2 --status" \
  "cape_fit o --out o/model --folds 5" "status 0"
job STATUS=75 fit.sbatch c.yaml o
expect "the fit of an unfinished farm" "the farm is not done" "status 75"
refuse "the fit of an unfinished farm" "cape_fit o --out"

job submit.sh c.yaml 8 --time=2:00 -- grid.trials=2
expect "a farm in parts" "farm: job 41, 8 parts in 8 tasks" "squeue --jobs 41" \
  "--out runs/c grid.trials=2 --status" "status 0"
output=$(cat "$work/log")
expect "what it submits" \
  "sbatch 8 1 --parsable --array=0-7 --output=runs/c/slurm-%A_%a.log --time=2:00" \
  "array.sbatch c.yaml --out runs/c grid.trials=2" \
  "--dependency=afterany:41" "fit.sbatch c.yaml runs/c grid.trials=2"
job submit.sh c.yaml 25
output=$(cat "$work/log")
expect "more parts than an array may have" "sbatch 25 3 --parsable --array=0-8 "
job submit.sh c.yaml mpi --nodes=3
output=$(cat "$work/log")
expect "a farm on several nodes" "--nodes=3" "farm.sbatch c.yaml --out runs/c"
refuse "a farm on several nodes" "--array"

((failures == 0)) && echo "all passed"
