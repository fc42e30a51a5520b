"""The real cape_trainer on FashionMNIST: the same merged table, byte for byte,
whatever ran it and whatever happened to it on the way."""

import os
import pathlib
import signal
import unittest

import support
from support import CONFIG, FarmTest, wait_for

DATA = pathlib.Path("/usr/share/datasets")


@unittest.skipUnless((DATA / "fashion-mnist").exists(),
                     "dataset-fashion-mnist is not installed")
class RealTrainer(FarmTest):
    trainer = "cape_trainer"
    config_text = (CONFIG.replace("mnist", "fashion_mnist")
                   .replace("trials: 5", "trials: 2"))

    def make_data(self):
        self.data = DATA

    def test_ranks_make_no_difference(self):
        for ranks in (1, 2, 4):
            out = self.folder / f"ranks{ranks}"
            self.farm(ranks=ranks, out=out)
            self.expect_same_table(out)

    def test_three_parts_are_the_whole(self):
        for part in range(3):
            self.farm("--shard", f"{part}/3")
        self.expect_same_table()

    def test_a_killed_run_is_completed(self):
        process = self.start(self.command("output.flush_seconds=0",
                                          "workers.per_rank=1"))
        wait_for(self.shards, "shard")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.farm(says="resuming")
        self.expect_same_table()

    def test_a_trainer_killed_in_mid_trial_costs_nothing(self):
        process = self.start(self.command("output.flush_seconds=0",
                                          "workers.per_rank=1"))
        wait_for(self.shards, "shard")
        trainer, = self.processes(process, "cape_trainer")
        os.kill(trainer, signal.SIGKILL)
        code, printed = self.finish(process)
        self.expect(code, printed, 0, "signal 9")
        self.expect_same_table()


if __name__ == "__main__":
    support.main()
