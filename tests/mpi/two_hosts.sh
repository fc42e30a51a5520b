#!/usr/bin/env bash
# Runs a command on the first of two hosts that only a cable joins: namespaces
# of this machine, which share its files.
#
#   tests/mpi/two_hosts.sh COMMAND [ARGUMENT...]
#
# The hosts are 10.77.0.1 (hosta) and 10.77.0.2 (hostb); mpirun reaches both, and
# `ip link set cable down` cuts the cable. The status is the command's, or 77
# where no namespaces can be made. All that the command has started ends with it.
set -euo pipefail

skip() {
  echo "skipped: $*"
  exit 77
}

enter_second() {
  nsenter --target "$CAPE_SECOND_HOST" --net --uts "$@"
}

make_hosts() {
  hostname hosta
  ip link set lo up
  # A process that is only there to hold the second host.
  unshare --net --uts sh -c 'hostname hostb && exec sleep infinity' &
  export CAPE_SECOND_HOST=$!
  until [[ $(enter_second hostname) == hostb ]]; do :; done
  ip link add cable type veth peer name cable netns "$CAPE_SECOND_HOST" ||
    skip "no network devices can be made here"
  ip address add 10.77.0.1/24 dev cable
  ip link set cable up
  enter_second ip link set lo up
  enter_second ip address add 10.77.0.2/24 dev cable
  enter_second ip link set cable up
}

case ${1:-} in
  '') sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit 2 ;;
  --enter) # as mpirun calls it, with a host and a command for its shell
    enter_second sh -c "${*:3}"
    exit
    ;;
esac
if [[ -z ${CAPE_TWO_HOSTS:-} ]]; then
  PATH=$PATH:/usr/sbin:/sbin
  for program in ip unshare nsenter; do
    command -v "$program" >/dev/null || skip "$program is not installed"
  done
  namespaces=(unshare --mount --uts --net --pid --fork --kill-child
    --mount-proc)
  "${namespaces[@]}" true 2>/dev/null ||
    skip "no namespaces can be made here; it takes root"
  export PATH CAPE_TWO_HOSTS=$$
  exec "${namespaces[@]}" "$0" "$@"
fi
make_hosts
export OMPI_MCA_plm_rsh_agent="$0 --enter"
"$@"
