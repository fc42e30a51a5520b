"""Runs that are signalled or killed, whole or in part: nothing that was
published is lost, and a later run completes the same table."""

import os
import pathlib
import signal

import support
from support import FarmTest, is_running, wait_for


class Interruption(FarmTest):
    def start_and_measure(self, ranks=None, rows_kept=True):
        """Starts a run of a trainer a rank, whose third trial hangs: when that
        is seen, two are measured. They are not published before the end, but
        for the first when `rows_kept`."""
        flush = 0 if rows_kept else 3600
        process = self.start(
            self.command("workers.per_rank=1", f"output.flush_seconds={flush}",
                         ranks=ranks), fake="hang@3", once=True)
        self.marker("hang")
        if rows_kept:
            wait_for(self.shards, "shard")
        return process

    def start_slow(self, ranks=None):
        """Starts a run that takes its time, and waits for its first answer."""
        process = self.start(
            self.command("workers.per_rank=1", ranks=ranks), fake="chatter@2",
            once=True, pace=100)
        self.marker("chatter")
        return process

    def family(self, process):
        """Pids of a process, of its ranks and of their trainers."""
        return [process.pid, *(pid for pid, _ in support.descendants(
            process.pid))]

    def all_gone(self, pids):
        wait_for(lambda: not any(map(is_running, pids)),
                 "end of what was started")

    def complete(self):
        """A later run does the rest, and sweeps."""
        self.farm("--status", code=75)
        self.farm()
        self.farm("--status", code=0)
        self.expect_same_table()
        self.expect_no_leftovers()


class Signals(Interruption):
    def test_sigterm_and_sigint_publish_at_once(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(number.name):
                self.setUp()
                process = self.start_and_measure(rows_kept=False)
                pids = self.family(process)
                self.assertEqual(self.shards(), [])
                process.send_signal(number)
                code, printed = self.finish(process)
                self.expect(code, printed, 75, ["received a signal",
                                                "rows       6 new",
                                                "run the same command again"])
                self.all_gone(pids)
                self.assertEqual(self.rows_published(), 6)
                self.complete()

    def test_sigusr1_and_sigusr2_finish_what_runs(self):
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            with self.subTest(number.name):
                self.setUp()
                process = self.start_slow()
                process.send_signal(number)
                code, printed = self.finish(process)
                self.expect(code, printed, 75, "finishing what runs")
                self.assertGreaterEqual(self.rows_published(), 6)
                self.complete()

    def test_a_drain_that_takes_too_long_can_be_stopped(self):
        process = self.start_and_measure(rows_kept=False)
        process.send_signal(signal.SIGUSR1)
        printed = pathlib.Path(process.printed)
        wait_for(lambda: "finishing what runs" in printed.read_text(), "drain")
        process.send_signal(signal.SIGTERM)
        self.expect(*self.finish(process), 75)
        self.assertEqual(self.rows_published(), 6)

    def test_a_signal_to_the_process_group_leaves_trainers_to_their_worker(
            self):
        process = self.start_slow()
        for trainer in self.processes(process, "fake_trainer"):
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                           signal.SIGUSR1):
                os.kill(trainer, number)
        code, printed = self.finish(process)
        self.expect(code, printed, 0)
        self.assertNotIn("tried again", printed)
        self.expect_same_table()

    def test_a_rank_that_is_silent_is_given_up(self):
        # A stopped process is to its peers as a cut link.
        process = self.start(self.command(
            "workers.per_rank=1", "workers.peer_timeout=2", ranks=2),
            fake="hang@3", once=True)
        self.marker("hang")
        ranks = sorted(self.processes(process, "cape_farm"))
        pids = self.family(process)
        os.kill(ranks[1], signal.SIGSTOP)
        printed = pathlib.Path(process.printed)
        wait_for(lambda: "rank 1 has been silent" in printed.read_text(),
                 "silence")
        wait_for(lambda: not is_running(ranks[0]), "end of rank 0")
        os.kill(ranks[1], signal.SIGKILL)
        code, _ = self.finish(process)
        self.assertNotEqual(code, 0)
        self.all_gone(pids)
        self.assertGreaterEqual(self.rows_published(), 3)
        self.complete()

    def test_mpirun_passes_them_on(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number.name):
                self.setUp()
                process = self.start_and_measure(ranks=2, rows_kept=False)
                pids = self.family(process)
                process.send_signal(number)
                code, printed = self.finish(process)
                self.assertNotEqual(code, 0, printed)
                self.all_gone(pids)
                self.assertGreaterEqual(self.rows_published(), 6, printed)
                self.complete()

    def test_a_drain_under_mpirun_ends_with_75(self):
        process = self.start_slow(ranks=2)
        process.send_signal(signal.SIGUSR1)
        self.expect(*self.finish(process), 75)
        self.assertGreaterEqual(self.rows_published(), 6)
        self.complete()


class Kills(Interruption):
    def kill(self, *pids):
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def test_a_trainer_in_mid_trial(self):
        process = self.start_and_measure()
        self.kill(*self.processes(process, "fake_trainer"))
        self.expect(*self.finish(process), 0, ["signal 9", "tried again",
                                               "rows       60 new"])
        self.expect_same_table()

    def test_a_trainer_of_one_rank_in_mid_trial(self):
        process = self.start_and_measure(ranks=2)
        # The one that hangs is among them; the other ranks go on meanwhile.
        self.kill(*self.processes(process, "fake_trainer"))
        self.expect(*self.finish(process), 0, ["signal 9", "tried again"])
        self.expect_same_table()

    def test_a_plain_run(self):
        process = self.start_and_measure()
        pids = self.family(process)
        self.kill(process.pid)
        self.finish(process)
        self.all_gone(pids)
        self.assertGreaterEqual(self.rows_published(), 3)
        self.complete()

    def test_each_of_two_ranks(self):
        for victim in (0, 1):
            with self.subTest(rank=victim):
                self.setUp()
                process = self.start_and_measure(ranks=2)
                pids = self.family(process)
                self.kill(sorted(self.processes(process, "cape_farm"))[victim])
                code, printed = self.finish(process)
                self.assertNotEqual(code, 0, printed)
                self.all_gone(pids)
                self.assertGreaterEqual(self.rows_published(), 3)
                self.complete()

    def test_mpirun(self):
        process = self.start_and_measure(ranks=2)
        pids = self.family(process)
        self.kill(process.pid)
        self.finish(process)
        self.all_gone(pids)
        self.complete()

    def test_everything(self):
        process = self.start_and_measure(ranks=4)
        pids = self.family(process)
        self.kill(*pids)
        self.finish(process)
        self.all_gone(pids)
        self.complete()

    def test_again_and_again(self):
        # As a cluster that takes its nodes back would.
        for _ in range(3):
            self.markers = self.folder / f"markers{len(self.shards())}"
            self.markers.mkdir()
            process = self.start_and_measure()
            self.kill(*self.family(process))
            self.finish(process)
        self.complete()


if __name__ == "__main__":
    support.main()
