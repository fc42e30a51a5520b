"""A small farm for the tests of this folder: files, commands, processes.

The programs are in the folder $CAPE_BIN. Without real data sets: 200 made-up
digits are in the format of MNIST.
"""

import collections
import gzip
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

BIN = pathlib.Path(os.environ["CAPE_BIN"])
MPIRUN = os.environ.get("CAPE_MPIRUN")
DEADLINE = 60  # seconds; only a test that fails ever waits so long

CONFIG = """\
name: small
grid:
  models:
    - {family: mlp, sample: published}
  datasets: [mnist]
  learning_rate: [1e-3, 2e-3]
  batch_size: [16, 32]
  epsilon: [0.1, 0.2, 0.3]
  trials: 5
train:
  max_steps: 400
"""
ROWS = 60


def wait_for(condition, what):
    """Waits until condition() is true, and returns it."""
    give_up = time.monotonic() + DEADLINE
    while time.monotonic() < give_up:
        result = condition()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError(f"no {what} within {DEADLINE} s")


def write_idx(path, shape, values):
    header = struct.pack(">BBBB", 0, 0, 8, len(shape))
    header += b"".join(struct.pack(">I", extent) for extent in shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = header + bytes(values)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def write_mnist(folder, samples=200, suffix=""):
    pixels = bytes((i * i + i // 784 * 31) % 256 for i in range(samples * 784))
    write_idx(folder / f"train-images-idx3-ubyte{suffix}", (samples, 28, 28),
              pixels)
    write_idx(folder / f"train-labels-idx1-ubyte{suffix}", (samples,),
              (i % 10 for i in range(samples)))


def is_running(pid):
    """Whether a process is there and not dead."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def descendants(pid):
    """All processes below one, as (pid, name of the program)."""
    children = collections.defaultdict(list)
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, tail = stat.read_text().rpartition(")")
        except OSError:
            continue
        child, _, name = head.partition(" (")
        children[int(tail.split()[1])].append((int(child), name))
    found = list(children[pid])
    for child, _ in found:
        found += children[child]
    return found


class FarmTest(unittest.TestCase):
    """A test with a folder of its own, a data set and a configuration."""

    trainer = "fake_trainer"
    config_text = CONFIG

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cape_end_to_end_")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = self.folder / "data"
        self.out = self.folder / "out"
        self.markers = self.folder / "markers"
        self.markers.mkdir()
        self.make_data()
        self.config = self.write_config(self.config_text)

    def make_data(self):
        write_mnist(self.data / "mnist")

    def write_config(self, text, name="small.yaml"):
        path = self.folder / name
        path.write_text(text)
        return path

    def command(self, *arguments, ranks=None, out=None, config=None):
        farm = [BIN / "cape_farm", config or self.config, "--trainer",
                BIN / self.trainer, "--data-dir", self.data, "--out",
                out or self.out, *arguments]
        if ranks:
            if not MPIRUN:
                self.skipTest("built without MPI")
            farm = [MPIRUN, "-n", ranks, "--oversubscribe", *farm]
        return [str(argument) for argument in farm]

    def environment(self, **wishes):
        """`wishes`: fake="crash@3", once=True, pace=100 (milliseconds),
        gpus=2."""
        variables = dict(os.environ)
        variables.pop("CAPE_DATA", None)
        variables |= {
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "FAKE_TRAINER": wishes.get("fake", ""),
            "FAKE_TRAINER_MS": str(wishes.get("pace", 0)),
            "FAKE_TRAINER_GPUS": str(wishes.get("gpus", 0)),
        }
        if wishes.get("once"):
            variables["FAKE_TRAINER_ONCE"] = str(self.markers)
        return variables

    def start(self, command, **wishes):
        """Starts a command; what it prints goes to a file."""
        log = open(self.folder / "printed", "w+")
        self.addCleanup(log.close)
        process = subprocess.Popen(command, env=self.environment(**wishes),
                                   stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT)
        process.printed = log.name
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        """Kills what a failed test has left."""
        if process.poll() is None:
            for pid, _ in [*descendants(process.pid), (process.pid, "")]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            process.wait()

    def finish(self, process):
        """Waits for the end; the exit code, and all that was printed."""
        process.wait(timeout=DEADLINE)
        return process.returncode, pathlib.Path(process.printed).read_text()

    def farm(self, *arguments, code=0, says=(), ranks=None, out=None,
             config=None, **wishes):
        """Runs cape_farm; expects its code and these texts; what it printed."""
        got, printed = self.finish(
            self.start(self.command(*arguments, ranks=ranks, out=out,
                                    config=config), **wishes))
        self.expect(got, printed, code, says)
        return printed

    def expect(self, got, printed, code, says=()):
        self.assertEqual(got, code, printed)
        self.assertNotIn("internal error", printed)
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, printed)

    def shards(self, out=None):
        return sorted((out or self.out).glob("*.h5"))

    def expect_no_leftovers(self):
        """Claims and hidden files are there only while somebody runs."""
        self.assertEqual([file.name for file in self.out.iterdir()
                          if file.name.startswith(".") or
                          file.suffix == ".claim"], [])

    def rows_published(self, out=None):
        """As --status counts them."""
        status = subprocess.run(
            self.command("--status", out=out), env=self.environment(),
            capture_output=True, text=True)
        for line in status.stdout.splitlines():
            if line.startswith("rows "):
                return int(line.split()[1].replace(",", ""))
        raise AssertionError(status.stdout + status.stderr)

    def csv(self, *inputs):
        """The merged table, as cape_fit exports it."""
        table = self.folder / "merged.csv"
        table.unlink(missing_ok=True)
        fit = subprocess.run(
            [BIN / "cape_fit", *(inputs or [self.out]), "--export-csv", table,
             "--out", self.folder / "model"], capture_output=True, text=True)
        self.assertTrue(table.exists(), fit.stdout + fit.stderr)
        return table.read_bytes()

    def reference(self):
        """The merged table of a run that nothing disturbs, made once a class."""
        cls = type(self)
        if "cached_reference" not in cls.__dict__:
            out = self.folder / "undisturbed"
            self.farm(out=out)
            cls.cached_reference = self.csv(out)
        return cls.cached_reference

    def expect_same_table(self, *inputs):
        # assertEqual would print a difference of a thousand lines.
        self.assertTrue(self.csv(*inputs) == self.reference(),
                        "the merged table is not that of an undisturbed run")

    def marker(self, kind):
        """Waits until a trainer has misbehaved so (once=True)."""
        wait_for((self.markers / kind).exists, f"{kind} marker")

    def processes(self, process, name):
        """Pids below a process that run this program."""
        # The kernel keeps 15 letters of a name.
        return [pid for pid, found in descendants(process.pid)
                if found == name[:15]]

    def unshared(self, script):
        """A shell script in a mount namespace of its own, as a command."""
        for unshare in (["unshare", "-m"], ["unshare", "-rm"]):
            command = [*unshare, "sh", "-ec"]
            try:
                tried = subprocess.run([*command, "mount -t tmpfs none /mnt"],
                                       capture_output=True)
            except FileNotFoundError:
                break
            if tried.returncode == 0:
                return [*command, script]
        self.skipTest("mounting a tmpfs is not permitted here")


def main():
    """Runs the tests; exit code 77 when all were skipped."""
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun > 0 and len(result.skipped) == result.testsRun:
        sys.exit(77)
