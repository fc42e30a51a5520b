#!/usr/bin/env bash
# Runs a command on a cluster of its own: a real Slurm of one node, this one.
#
#   tests/slurm/one_node.sh COMMAND [ARGUMENT...]
#
# The status is the command's, or 77 where no Slurm can be had: it takes root and
# Debian's slurm-wlm and munge. The daemons and their files are in namespaces of
# their own: their ports meet nobody else's, and they end with this script, even
# when it is killed.
set -euo pipefail

skip() {
  echo "skipped: $*"
  exit 77
}

cpus=4             # as Slurm is told, whatever there is
requeue_delay=5    # seconds until a requeued job may start; Slurm's own are 120
folder=/etc/slurm  # of all files, in memory
daemons=()

# start_daemon COMMAND...: its pid goes to $daemons, what it says to a log.
start_daemon() {
  "$@" >"$folder/$1.log" 2>&1 &
  daemons+=($!)
}

# wait_until COMMAND...: until it succeeds, or the last daemon has died.
wait_until() {
  local tries
  for ((tries = 0; tries < 300; ++tries)); do
    ! "$@" >/dev/null 2>&1 || return 0
    kill -0 "${daemons[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  echo "one_node.sh: Slurm did not start: $*" >&2
  tail -n 20 "$folder"/*.log >&2
  return 1
}

write_configuration() {
  cat >"$folder/slurm.conf" <<CONF
ClusterName=one_node
SlurmctldHost=node
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=$requeue_delay
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobRequeue=1
MaxArraySize=5
MpiDefault=none
KillWait=5
ReturnToService=2
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
NodeName=node CPUs=$cpus State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
}

# shellcheck disable=SC2317 # the trap calls it
stop() {
  local index
  timeout 10 scancel --user=root --full --signal=KILL >/dev/null 2>&1 || :
  # slurmd first: it reports to the others.
  for ((index = ${#daemons[@]} - 1; index >= 0; --index)); do
    kill "${daemons[index]}" 2>/dev/null || :
    wait "${daemons[index]}" 2>/dev/null || :
  done
}

# The node must have an address that is not the loopback's.
make_network() {
  hostname node
  ip link set lo up
  ip link add net0 type veth peer name net1 ||
    skip "no network devices can be made here"
  ip address add 10.77.0.1/24 dev net0
  ip link set net0 up
  ip link set net1 up
  printf '127.0.0.1 localhost\n10.77.0.1 node\n' >"$folder/hosts"
  mount --bind "$folder/hosts" /etc/hosts
}

start_slurm() {
  mkdir "$folder/state" "$folder/spool"
  write_configuration
  head -c 128 /dev/urandom >"$folder/munge.key"
  chmod 600 "$folder/munge.key"
  start_daemon munged --foreground --socket="$folder/munge.socket" \
    --key-file="$folder/munge.key" --pid-file="$folder/munged.pid" \
    --seed-file="$folder/munge.seed"
  wait_until munge --no-input --socket="$folder/munge.socket"
  start_daemon slurmctld -D
  wait_until scontrol ping
  start_daemon slurmd -D -N node
  wait_until sh -c 'sinfo --noheader --format %T | grep -qx idle'
}

if [[ -z ${CAPE_ONE_NODE:-} ]]; then
  (($# > 0)) || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit 2; }
  ((EUID == 0)) || skip "only root can start slurmd"
  PATH=$PATH:/usr/sbin
  for program in slurmctld slurmd munged ip unshare; do
    command -v "$program" >/dev/null || skip "$program is not installed"
  done
  namespaces=(unshare --mount --uts --net --pid --fork --kill-child
    --mount-proc)
  "${namespaces[@]}" true 2>/dev/null || skip "no namespaces can be made here"
  export PATH CAPE_ONE_NODE=$$
  exec "${namespaces[@]}" "$0" "$@"
fi
mount -t tmpfs -o mode=755 none "$folder"
trap stop EXIT
trap 'exit 143' TERM INT
make_network
start_slurm
status=0
"$@" || status=$?
((status == 0 || status == 77)) || tail -n 40 "$folder"/slurm*.log
exit "$status"
