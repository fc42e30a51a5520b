"""The job scripts under a real Slurm of one node: one_node.sh starts it.

Trainers hang at their second trial until the test says otherwise, so that jobs
are interrupted when each has published something and none is done."""

import os
import pathlib
import re
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "end_to_end"))

import support
from support import BIN, FarmTest

support.DEADLINE = 100  # seconds; Slurm looks at its queue now and then

TRAINER = """\
#!/bin/sh
[ -e {go} ] || export FAKE_TRAINER={wish}
exec {trainer} "$@"
"""


def slurm(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def state_of(job):
    return re.search(r"JobState=(\w+)", slurm("scontrol", "show", "job",
                                              job))[1]


def process_of(part):
    """The pid and the command line of the cape_farm that runs a part."""
    for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().decode().split("\0")
        except OSError:
            continue
        if pathlib.Path(line[0]).name == "cape_farm" and part in line:
            return int(file.parent.name), line
    raise AssertionError(f"no cape_farm runs {part}")


class OneNode(FarmTest):
    # As many trajectories as a fit wants.
    config_text = support.CONFIG.replace("trials: 5", "trials: 15")

    def setUp(self):
        super().setUp()
        self.go = self.folder / "go"
        self.trainer = self.folder / "trainer"
        self.make_trainer("hang@2")
        self.trainer.chmod(0o755)
        self.addCleanup(slurm, "scancel", "--user=root")

    def make_trainer(self, wish):
        self.trainer.write_text(TRAINER.format(
            go=self.go, wish=wish, trainer=BIN / "fake_trainer"))

    def submit(self, *arguments, **variables):
        """Runs submit.sh; the ids of the farm and of the fit."""
        command = [ROOT / "slurm" / "submit.sh", self.config, *arguments, "--",
                   "--trainer", self.trainer, "--data-dir", self.data,
                   "workers.per_rank=1", "output.flush_seconds=0"]
        environment = self.environment() | variables
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True,
            env=environment | {"CAPE_OUT": str(self.out)})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return re.findall(r"^(?:farm|fit): +job (\d+)", done.stdout, re.M)

    def wait_for(self, condition, what):
        try:
            return support.wait_for(condition, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{slurm('squeue', '-r')}\n"
                                 f"{self.logs()}") from None

    def logs(self):
        return "\n".join(f"{log.name}:\n{log.read_text()}"
                         for log in sorted(self.out.glob("*.log")))

    def wait_for_shards(self, *parts):
        for part in parts:
            self.wait_for(lambda: list(self.out.glob(f"small-{part}-*.h5")),
                          f"shard of {part}")

    def let_go_on(self, *farms):
        """Trainers behave from now on: those that hang are replaced."""
        self.go.touch()
        for farm in farms:
            for pid, _ in support.descendants(farm):
                os.kill(pid, signal.SIGKILL)

    def wait_for_requeue(self, job):
        self.wait_for(lambda: state_of(job) == "PENDING", f"{job} in the queue")

    def all_done(self, fit):
        self.wait_for(
            lambda: state_of(fit) in ("COMPLETED", "FAILED", "CANCELLED"),
            "end of the fit")
        self.assertEqual(state_of(fit), "COMPLETED", self.logs())
        self.assertTrue((self.out / "model" / "model.json").exists())
        self.expect_same_table()
        self.expect_no_leftovers()


class Array(OneNode):
    def test_an_array_killed_half_way_completes_after_requeue(self):
        # The cluster's longest array has five tasks, so each takes two parts.
        farm, fit = self.submit("7", "--cpus-per-task=1", "--time=10")
        self.wait_for_shards("0of7", "2of7", "4of7", "6of7")
        farms = [process_of(f"{part}/7") for part in (0, 2, 4, 6)]
        for _, line in farms:
            limit = re.search(r"--time-limit=(\d+)s", " ".join(line))
            self.assertTrue(300 < int(limit[1]) <= 540, line)

        os.kill(farms[0][0], signal.SIGKILL)
        self.wait_for_requeue(f"{farm}_0")
        slurm("scancel", f"{farm}_1")
        self.wait_for(lambda: state_of(f"{farm}_1") == "CANCELLED",
                      "cancellation")
        self.assertEqual(state_of(fit), "PENDING")
        slurm("scontrol", "requeue", f"{farm}_1")
        self.let_go_on(farms[2][0], farms[3][0])
        self.all_done(fit)
        self.assertIn("ended with status 137", self.logs())

    def test_a_farm_that_cannot_work_is_not_queued_again(self):
        self.make_trainer("crash")
        farm, fit = self.submit("2", "--cpus-per-task=1")
        self.wait_for(lambda: state_of(fit) == "FAILED", "end of the fit")
        for task in (0, 1):
            self.assertEqual(state_of(f"{farm}_{task}"), "FAILED")
        self.assertIn("before it had a single new row", self.logs())
        self.assertIn("the farm is not done", self.logs())


class Ranks(OneNode):
    def drain_and_go_on(self, **variables):
        """A farm of two ranks that is told of the end of its time, as
        --signal=B:USR1@120 does it: Slurm tells the job script alone."""
        farm, fit = self.submit("mpi", "--nodes=1", "--ntasks-per-node=2",
                                "--cpus-per-task=1", **variables)
        self.wait_for(lambda: len({shard.name.split("-")[-2]
                                   for shard in self.shards()}) == 2,
                      "shard of each rank")
        slurm("scancel", "--batch", "--signal=USR1", farm)
        log = self.out / "farm.log"
        self.wait_for(lambda: "finishing what runs" in log.read_text(), "drain")
        self.let_go_on(*self.farms())
        self.wait_for_requeue(farm)
        self.assertGreater(self.rows_published(), 0)
        self.all_done(fit)
        self.assertIn("2 ranks, 2 trainers on CPU", log.read_text())

    def farms(self):
        found = [pid for pid, name in support.descendants(1)
                 if name == "cape_farm"]
        self.assertEqual(len(found), 2)
        return found

    def test_under_mpirun(self):
        self.drain_and_go_on()

    def test_under_srun(self):
        self.drain_and_go_on(CAPE_LAUNCH="srun --mpi=pmix --cpu-bind=none "
                                         "--cpus-per-task=1")

    def test_tasks_without_mpi_are_refused(self):
        self.go.touch()
        done = subprocess.run(["srun", "--ntasks=2", *self.command()],
                              env=self.environment(), capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("srun started 2 tasks", done.stderr)


if __name__ == "__main__":
    support.main()
