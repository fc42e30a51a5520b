"""A farm on two hosts that share a directory: two_hosts.sh makes them."""

import os
import pathlib
import signal
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).parents[1] / "end_to_end"))

import support
from support import FarmTest, is_running, wait_for

HOSTS = "10.77.0.1:2,10.77.0.2:2"


def cable(state):
    subprocess.run(["ip", "link", "set", "cable", state], check=True)


class TwoHosts(FarmTest):
    def command(self, *arguments, ranks=None, **where):
        line = super().command(*arguments, ranks=ranks, **where)
        return [line[0], "--host", HOSTS, *line[1:]] if ranks else line

    def test_ranks_share_what_their_own_host_has(self):
        self.farm("workers.device=cuda", ranks=4, gpus=2, says=[
            f"{host}: 2 ranks, 2 trainers on GPUs (1 on cuda:0, 1 on cuda:1)"
            for host in ("hosta", "hostb")])
        self.expect_same_table()
        self.expect_no_leftovers()

    def test_a_cut_cable_loses_nothing_that_was_published(self):
        # Every trainer answers once and then hangs.
        launcher = self.start(
            self.command("workers.per_rank=1", "workers.peer_timeout=2",
                         "output.flush_seconds=0", ranks=4), fake="hang@2")
        for rank in range(4):
            wait_for(lambda: list(self.out.glob(f"*-r{rank}-*.h5")),
                     f"shard of rank {rank}")
        # Those of the second host, too: they are in the same tree.
        farms = [(pid, name) for pid, name in support.descendants(launcher.pid)
                 if name in ("cape_farm", "fake_trainer")]
        self.assertEqual(len(farms), 8, farms)
        cable("down")
        wait_for(lambda: not any(is_running(pid) for pid, _ in farms),
                 "end of all ranks and trainers")
        # Open MPI waits for its other half for ever, SIGTERM or not; this is
        # what `timeout -k` does.
        for number in (signal.SIGTERM, signal.SIGKILL):
            if launcher.poll() is None:
                launcher.send_signal(number)
        self.finish(launcher)
        log = (self.out / "farm.log").read_text()
        self.assertIn("has been silent", log)
        self.assertEqual(self.rows_published(), 12)

        cable("up")
        self.farm(ranks=4, says="resuming: 12 of 60 rows")
        self.expect_same_table()
        self.expect_no_leftovers()


if __name__ == "__main__":
    support.main()
