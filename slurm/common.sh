# shellcheck shell=bash disable=SC2034
# Sourced by the job scripts: where the programs are, how long the job has
# left, and how it ends. sbatch runs a copy of a job script from a folder of its
# own, so the clone is the folder that sbatch was called in, or CAPE_ROOT.

cape_bin=${CAPE_BIN:-${CAPE_ROOT:-$SLURM_SUBMIT_DIR}/build/release/bin}

# This job as squeue and scontrol want it; the plain id of an array's last part
# means the whole array.
job=$SLURM_JOB_ID
if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then
  job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
fi

stopped=0 # 1 after scancel, or when the job is at its end

# Prints the seconds until the job's limit; nothing when it has none.
seconds_left() {
  local left days=0 field seconds=0
  left=$(squeue --noheader --jobs "$job" --format %L)
  [[ $left =~ ^[0-9:-]+$ ]] || return 0 # UNLIMITED
  if [[ $left == *-* ]]; then
    days=${left%%-*}
    left=${left#*-}
  fi
  for field in ${left//:/ }; do seconds=$((seconds * 60 + 10#$field)); done
  echo $((10#$days * 86400 + seconds))
}

# Prints the option that makes cape_farm finish a minute before the job's limit,
# as it is now.
time_limit_option() {
  local left
  left=$(seconds_left)
  [[ -z $left ]] || echo "--time-limit=$((left > 61 ? left - 60 : 1))s"
}

# run COMMAND...: runs it and hands it the signals that Slurm sends to the job
# script alone. Its status is the command's.
run() {
  local child=
  # Slurm may have told the command as well, which may be gone by now.
  trap 'kill -USR1 $child 2>/dev/null || :' USR1
  trap 'stopped=1; kill -TERM $child 2>/dev/null || :' TERM
  "$@" &
  child=$!
  # A signal that ends a wait can make bash 5.2 forget the status of what it
  # waited for, so wait when the command has ended. Traps run between sleeps.
  while kill -0 $child 2>/dev/null; do sleep 1 || :; done
  wait $child
}

# finish STATUS: says what the exit status of cape_farm means, queues the job
# again where it stopped early for want of time, and exits.
finish() {
  local status=$1 restarts=${SLURM_RESTART_COUNT:-0}
  case $status in
    0) echo "job $job: all done" ;;
    3) echo "job $job: done, but some trials failed; --retry-failed tries again" ;;
    75)
      if ((stopped)); then
        echo "job $job: stopped; submit it again to go on"
      elif ((restarts >= ${CAPE_REQUEUES:-100})); then
        echo "job $job: stopped early; not queued again after $restarts times"
      elif echo "job $job: stopped early, queued again" &&
        scontrol requeue "$job"; then
        exit 75
      else
        echo "job $job: this cluster does not requeue; submit it again"
      fi
      ;;
    *) echo "job $job: failed with status $status" ;;
  esac
  exit "$status"
}
