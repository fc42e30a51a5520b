"""The ways to look at a grid, to divide it, to resume it and to end it."""

import os
import shutil
import socket
import sys
import time

import support
from support import CONFIG, MPIRUN, ROWS, FarmTest, wait_for

try:
    import h5py
except ImportError:
    h5py = None


class Looking(FarmTest):
    def test_the_plan_runs_nothing(self):
        self.farm("--plan", says=["4 groups x 5 trials = 20 trajectories, 60 "
                                  "cells", "mlp on mnist", "200 samples"])
        self.assertFalse(self.out.exists())
        self.farm()
        self.farm("--plan", says="done in")

    def test_the_status_has_the_code_of_the_run(self):
        self.farm("--status", code=75, says=["rows        0 of 60", "to do"])
        self.farm(fake="failure@t1", code=3)
        self.farm("--status", code=3,
                  says=["rows        48 of 60", "failed      12",
                        "failed 3 times", "on demand"])
        self.farm("--retry-failed")
        self.farm("--status", says=["rows        60 of 60", "failed      0"])

    def test_the_printed_configuration_reads_back_to_itself(self):
        printed = self.farm("--print-config", "grid.trials=7")
        self.assertIn("trials: 7", printed)
        again = self.write_config(printed, "again.yaml")
        self.assertEqual(self.farm("--print-config", config=again), printed)

    def test_it_is_looked_at_under_mpirun_too(self):
        for option, code in [("--plan", 0), ("--status", 75),
                             ("--print-config", 0), ("--help", 0),
                             ("--version", 0)]:
            self.farm(option, ranks=2, code=code)


class Resuming(FarmTest):
    def test_a_second_run_finds_nothing_to_do(self):
        self.farm(says="rows       60 new, 60 of 60 in all")
        shards = self.shards()
        self.farm(says="nothing to do: all 60 rows are in")
        self.farm(ranks=2, says="nothing to do: all 60 rows are in")
        self.assertEqual(self.shards(), shards)

    def test_a_larger_grid_does_only_what_is_new(self):
        self.farm("grid.trials=3")
        self.farm(says=["resuming: 36 of 60 rows", "rows       24 new"])
        self.expect_same_table()

    def test_rows_of_other_settings_are_left_alone(self):
        self.farm("seed=1")
        self.farm(says=["60 rows", "of other settings", "60 new"])
        self.farm("--status", says="other rows  60")

    def test_failed_trials_are_tried_again_only_when_asked(self):
        self.farm(fake="crash@t1", code=3,
                  says=["failed     12", "--retry-failed"])
        quarantine = sorted(self.out.glob("failed-*.jsonl"))
        self.assertEqual(
            sum(file.read_text().count("\n") for file in quarantine), 4)
        self.farm(code=3, says=["rows       0 new, 48 of 60", "failed     12"])
        self.farm("--retry-failed", says="rows       12 new, 60 of 60")
        self.expect_same_table()

    def test_damaged_shards_are_named_and_left_alone(self):
        self.farm("--shard", "0/2")
        good = self.shards()[0]
        half = self.out / "small-half.h5"
        half.write_bytes(good.read_bytes()[:good.stat().st_size // 2])
        junk = self.out / "small-junk.h5"
        junk.write_bytes(b"not a shard")
        bad = {file: file.read_bytes() for file in (half, junk)}
        names = [str(file) for file in bad]
        self.farm("--status", code=75, says=[*names, "unreadable"])
        self.farm(says=[*names, "left alone", "resuming: 30 of 60 rows"])
        self.farm("--status", says=names)
        for file, before in bad.items():
            self.assertEqual(file.read_bytes(), before)
        self.expect_same_table()

    def test_a_shard_of_a_newer_format_is_named_and_left_alone(self):
        if h5py is None:
            self.skipTest(f"{sys.executable} has no h5py")
        self.farm("--shard", "0/2")
        newer = self.out / "small-newer.h5"
        shutil.copy(self.shards()[0], newer)
        with h5py.File(newer, "r+") as file:
            file.attrs["format_version"] = 99
        before = newer.read_bytes()
        self.farm(says=[str(newer), "99"])
        self.assertEqual(newer.read_bytes(), before)
        newer.unlink()
        self.expect_same_table()


class Dividing(FarmTest):
    def test_three_parts_are_the_whole(self):
        for part in range(3):
            self.farm("--shard", f"{part}/3")
            self.farm("--shard", f"{part}/3", "--status")
            self.farm("--status", code=75 if part < 2 else 0)
        self.expect_same_table()

    def test_ranks_make_no_difference(self):
        for ranks in (1, 2, 4):
            out = self.folder / f"ranks{ranks}"
            self.farm(ranks=ranks, out=out)
            self.expect_same_table(out)

    def test_the_farm_starts_its_ranks_itself(self):
        if not MPIRUN:
            self.skipTest("built without MPI")
        self.farm("--ranks", "4", "grid.trials=1", says=[
            "4 ranks", "expected: about ",
            "on one machine, cape_farm without a launcher does the same"])
        printed = self.farm("--ranks=0", code=2, says="from 1 to 65536")
        self.assertNotIn("ranks,", printed)

    def test_ranks_that_do_not_know_of_each_other_are_refused(self):
        if not MPIRUN:
            self.skipTest("built without MPI")
        command = ["env", "-u", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE=4",
                   "PMI_RANK=0", *self.command()]
        self.expect(*self.finish(self.start(command)), 2,
                    ["4 ranks", "another MPI"])

    def test_a_part_that_is_being_run_is_refused(self):
        running = self.start(self.command("--shard", "1/2"), fake="hang@3",
                             once=True)
        self.marker("hang")
        self.farm("--shard", "1/2", code=2,
                  says=["part 1 of 2", f"process {running.pid}"])
        self.farm(code=2, says="overlaps part 0 of 1")
        self.farm("--shard", "0/2")


class Placing(FarmTest):
    def test_a_binding_that_was_asked_for_is_kept(self):
        cpus = len(os.sched_getaffinity(0))
        if cpus < 2:
            self.skipTest("there is one CPU")
        command = self.command(ranks=1)
        bound = [*command[:3], "--bind-to", "core", *command[3:]]
        warning = "mpirun --bind-to none lets them use all"
        self.expect(*self.finish(self.start(bound)), 0, warning)
        printed = self.farm(ranks=1, out=self.folder / "all",
                            says=f"{cpus} CPUs")
        self.assertNotIn(warning, printed)

    def test_trainers_are_shared_out_between_gpus(self):
        self.farm("--device", "cuda", "workers.per_gpu=2", gpus=2,
                  says="4 trainers on GPUs (2 on cuda:0, 2 on cuda:1)")
        self.expect_same_table()

    def test_ranks_count_gpus_with_the_trainer_of_the_command_line(self):
        self.farm("--device", "cuda", ranks=2, gpus=2,
                  says="2 trainers on GPUs (1 on cuda:0, 1 on cuda:1)")
        self.expect_same_table()

    def test_a_gpu_that_is_not_there_is_named_by_its_host(self):
        self.farm("--device", "cuda", code=2,
                  says=["no GPU", socket.gethostname(), "--device cpu"])


class Log(FarmTest):
    def test_every_run_opens_and_closes_it(self):
        self.farm(fake="failure@t1", code=3)
        self.farm("--retry-failed")
        log = (self.out / "farm.log").read_text()
        for text in ["run small-0of1-", "ended with exit code 3: 48 rows new",
                     "resuming: 48 of 60 rows",
                     "ended with exit code 0: 12 rows new, 60 of 60 in all"]:
            self.assertIn(text, log)
        self.expect_no_leftovers()

    def test_trainers_are_named_by_rank_and_slot(self):
        self.farm(fake="chatter", ranks=2)
        log = (self.out / "farm.log").read_text()
        self.assertRegex(log, r"rank (\d) warning: rank \1 trainer 0: a "
                              "warning of a library")


class Ending(FarmTest):
    config_text = CONFIG.replace("trials: 5", "trials: 40")

    def test_a_time_limit_is_kept_and_the_rest_done_later(self):
        begin = time.monotonic()
        self.farm("--time-limit", "7s", "workers.per_rank=1", pace=100,
                  code=75, says="run the same command again")
        self.assertLess(time.monotonic() - begin, 7)
        done = self.rows_published()
        self.assertGreater(done, 0)
        self.assertLess(done, 480)
        self.farm()
        self.expect_same_table()

    def test_a_limit_of_any_length_is_taken(self):
        for ranks in (None, 2) if support.MPIRUN else (None,):
            out = self.folder / f"out{ranks}"
            self.farm("--time-limit", "99999999999999h", ranks=ranks, out=out,
                      says="rows       480 new")

    def test_a_limit_too_short_for_anything_starts_nothing(self):
        self.farm("--time-limit", "6s", "workers.gflops=0.001", code=75,
                  says=["time limit", "rows       0 new"])


if __name__ == "__main__":
    support.main()
