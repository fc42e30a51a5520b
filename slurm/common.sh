# shellcheck shell=bash disable=SC2034
# Sourced by submit.sh and the job scripts: where the programs are, how long the
# job has left, and how it ends. sbatch runs a copy of a job script from a folder
# of its own, so the clone is the folder that sbatch was called in, or CAPE_ROOT.

cape_root=${CAPE_ROOT:-$SLURM_SUBMIT_DIR}
cape_bin=${CAPE_BIN:-$cape_root/build/release/bin}
[[ -d $cape_bin ]] || cape_bin=$cape_root/../../bin # an installed tree
launch=() # the launcher of cape_farm, if any

# This job as squeue and scontrol want it; the plain id of an array's last part
# means the whole array.
job=${SLURM_JOB_ID:-}
if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then
  job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
fi

child=      # what runs
asked=0     # 1 after any signal: begin nothing more
cancelled=0 # 1 after scancel
fruitful=0  # 1 when this run of the job has added a row

# Prints the seconds until the job's limit; nothing when it has none.
seconds_left() {
  if [[ -n ${SLURM_JOB_END_TIME:-} ]]; then # unset in Slurm 22.05
    echo $((SLURM_JOB_END_TIME - $(date +%s)))
    return
  fi
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

# Hands on to $child what Slurm tells the job script alone. Slurm may have told
# both, and the child may be gone.
pass_on_signals() {
  trap 'asked=1; [[ -z $child ]] || kill -USR1 $child 2>/dev/null || :' USR1
  trap 'asked=1 cancelled=1
    [[ -z $child ]] || kill -TERM $child 2>/dev/null || :' TERM
}

# run COMMAND...: runs it as $child. Its status is the command's.
run() {
  local status=0
  "$@" &
  child=$!
  # A signal that ends a wait can make bash 5.2 forget the status of what it
  # waited for, so wait when the command has ended. Traps run between sleeps.
  while kill -0 $child 2>/dev/null; do sleep 1 || :; done
  wait $child || status=$?
  child=
  return $status
}

# ask ARGUMENT...: what cape_farm --status says, in $report; the number of rows
# in $rows. The status is that of the directory.
ask() {
  local status=0
  report=$("$cape_bin/cape_farm" "$@" --status 2>&1) || status=$?
  rows=$(sed -n 's/^rows *\([0-9,]*\).*/\1/p' <<<"$report")
  return "$status"
}

# farm ARGUMENT...: runs cape_farm; its status, or what the directory says where
# it has ended in another way: killed, or with a status of mpirun's own.
farm() {
  local status=0 before limit
  pass_on_signals
  ask "$@" || :
  before=$rows
  if ((asked)); then # before it could add anything
    fruitful=1
    return 75
  fi
  read -ra limit <<<"$(time_limit_option)"
  run "${launch[@]}" "$cape_bin/cape_farm" "$@" "${limit[@]}" || status=$?
  local known=0
  ask "$@" || known=$?
  [[ $rows == "$before" ]] || fruitful=1
  case $status in
    0 | 2 | 3 | 75) return "$status" ;;
  esac
  echo "job $job: the farm ended with status $status; this is there:"
  echo "$report"
  return "$known"
}

# finish STATUS: says what the exit status of cape_farm means, queues the job
# again where that helps, and exits.
finish() {
  local status=$1 restarts=${SLURM_RESTART_COUNT:-0}
  case $status in
    0) echo "job $job: all done" ;;
    3) echo "job $job: done, but some trials failed; --retry-failed tries again" ;;
    75)
      if ((cancelled)); then
        echo "job $job: cancelled; submit it again to go on"
      elif ! ((fruitful)); then
        echo "job $job: stopped before it had a single new row, and would" \
          "again: not queued again; what it said above is the reason"
      elif ((restarts >= ${CAPE_REQUEUES:-100})); then
        echo "job $job: stopped early; not queued again after $restarts times" \
          "(CAPE_REQUEUES); submit it again to go on"
      elif echo "job $job: stopped early, queued again" &&
        scontrol requeue "$job"; then
        exit 75
      else
        echo "job $job: this cluster does not requeue; submit it again"
      fi
      ;;
    *) echo "job $job: failed with status $status; not queued again" ;;
  esac
  exit "$status"
}
