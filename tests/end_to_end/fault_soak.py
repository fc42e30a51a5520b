"""A farm on real data that is killed, signalled and denied its disk at random
moments and started again until it is done: nothing may be lost by it.

    fault_soak.py FAULTS [--seed N]

Rounds of a small grid each, with another seed each, until there have been
FAULTS faults. The last line sums up; the exit code is 0 when all is well, and
77 when this machine lacks something.
"""

import argparse
import collections
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import support

try:
    import h5py
except ImportError:
    h5py = None

DATA = pathlib.Path("/usr/share/datasets")
DISK = "24m"
PATIENCE = 120  # seconds for a run to end, far more than any needs
CONFIG = """\
name: soak
seed: {seed}
grid:
  models: [{{family: mlp, sample: published}}]
  datasets: [fashion_mnist]
  learning_rate: [1e-3, 2e-3]
  batch_size: [32, 64]
  epsilon: [0.1, 0.15, 0.2]
  trials: 100
workers: {{retries: 50, peer_timeout: 5}}
output: {{flush_seconds: 0.3, retry_seconds: 2, rows_per_shard: 60}}
"""
# With a launcher each rank has a trainer.
LAYOUTS = [[], ["-n", "2"], ["-n", "3"]]


class Farm:
    """One start of the farm, and all the processes it has brought up."""

    def __init__(self, soak, out, layout=()):
        self.mark = f"CAPE_SOAK={os.getpid()}-{time.monotonic_ns()}"
        self.said = open(soak.folder / "said", "ab")
        command = [support.BIN / "cape_farm", soak.config, "--out", out,
                   "--data-dir", DATA, "--progress", "none",
                   f"workers.per_rank={1 if layout else 2}"]
        if layout:
            command = [support.MPIRUN, "--oversubscribe", *layout, *command]
        name, value = self.mark.split("=")
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL,
            stdout=self.said, stderr=self.said,
            env=os.environ | {name: value,
                              "OMPI_ALLOW_RUN_AS_ROOT": "1",
                              "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})

    def runs(self, name=""):
        """Pids of its living processes, by what they run."""
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                ours = self.mark.encode() in (
                    folder / "environ").read_bytes().split(b"\0")
                program = (folder / "comm").read_text().strip()
            except OSError:
                continue
            if ours and program.startswith(name):
                found.append(int(folder.name))
        return found

    def ended(self, seconds):
        """Waits so long at most; whether it has ended."""
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        self.said.close()
        return True


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Soak:
    def __init__(self, folder, faults, seed):
        self.folder = folder
        self.config = folder / "soak.yaml"
        self.disk = folder / "disk"
        self.disk.mkdir()
        self.faults = faults
        self.random = random.Random(seed)
        self.kinds = collections.Counter()
        self.rows = self.lost = self.doubled = self.orphans = 0
        self.leftovers = []
        self.identical = True
        self.disturbed_seconds = self.undisturbed_seconds = 0

    # The faults.

    def kill_trainer(self, farm):
        trainers = farm.runs("cape_trainer")
        kill(self.random.sample(trainers, min(1, len(trainers))))

    def kill_all_trainers(self, farm):
        kill(farm.runs("cape_trainer"))

    def kill_rank(self, farm):
        ranks = farm.runs("cape_farm")
        kill(self.random.sample(ranks, min(1, len(ranks))))

    def kill_launcher(self, farm):
        kill([farm.process.pid])

    def kill_everything(self, farm):
        kill(farm.runs())

    def terminate(self, farm):
        farm.process.send_signal(self.random.choice(
            [signal.SIGTERM, signal.SIGINT]))

    def drain(self, farm):
        farm.process.send_signal(signal.SIGUSR1)

    def fill_disk(self, farm):
        """For a while: shorter or longer than the farm will wait."""
        filling = self.disk / "filling"
        with open(filling, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                pass
        farm.ended(self.random.uniform(0.5, 5))
        filling.unlink()

    # What is there.

    def keys(self, out):
        """The keys of all rows that are published, each time they are."""
        keys = []
        for path in sorted(out.glob("*.h5")):
            with h5py.File(path, "r", locking=False) as file:
                keys += file["trials"]["key"].tolist()
        return keys

    def table(self, out):
        csv = self.folder / "table.csv"
        csv.unlink(missing_ok=True)
        subprocess.run([support.BIN / "cape_fit", out, "--export-csv", csv,
                        "--out", self.folder / "model"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return csv.read_bytes()

    # The course of things.

    def mount_disk(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none",
                        self.disk], check=True)

    def disturb(self, farm):
        """Faults at random moments until the farm ends, or there have been
        enough of them."""
        while sum(self.kinds.values()) < self.faults:
            if farm.ended(self.random.uniform(0.1, 4)):
                return
            fault = self.random.choice([
                self.kill_trainer, self.kill_all_trainers, self.kill_rank,
                self.kill_launcher, self.kill_everything, self.terminate,
                self.drain, self.fill_disk])
            self.kinds[fault.__name__.replace("_", " ")] += 1
            fault(farm)

    def run_once(self, out):
        """One start, disturbed; the farm's exit code."""
        layouts = LAYOUTS if support.MPIRUN else LAYOUTS[:1]
        farm = Farm(self, out, self.random.choice(layouts))
        self.disturb(farm)
        if not farm.ended(PATIENCE):
            print("a farm hangs", flush=True)
            kill(farm.runs())
            self.orphans += 1
            farm.ended(PATIENCE)
        give_up = time.monotonic() + 30
        while farm.runs() and time.monotonic() < give_up:
            time.sleep(0.05)
        self.orphans += len(farm.runs())
        kill(farm.runs())
        return farm.process.returncode

    def undisturbed(self):
        out = self.folder / "undisturbed"
        begin = time.monotonic()
        farm = Farm(self, out)
        assert farm.ended(PATIENCE) and farm.process.returncode == 0, \
            (self.folder / "said").read_text()[-2000:]
        self.undisturbed_seconds += time.monotonic() - begin
        table = self.table(out)
        subprocess.run(["rm", "-r", out], check=True)
        return table

    def round(self, seed):
        self.config.write_text(CONFIG.format(seed=seed))
        expected = self.undisturbed()
        self.mount_disk()
        out = self.disk / "out"
        begin = time.monotonic()
        before = set()
        code = None
        while code != 0:
            code = self.run_once(out)
            after = set(self.keys(out))
            self.lost += len(before - after)
            before = after
        self.disturbed_seconds += time.monotonic() - begin
        keys = self.keys(out)
        self.rows += len(before)
        self.doubled += len(keys) - len(before)
        self.identical &= self.table(out) == expected
        self.leftovers += [file.name for file in out.iterdir()
                           if file.name.startswith(".") or
                           file.suffix == ".claim"]
        subprocess.run(["umount", self.disk], check=True)

    def run(self, first_seed):
        seed = first_seed
        while sum(self.kinds.values()) < self.faults:
            self.round(seed)
            seed += 1
            print(f"{sum(self.kinds.values())} faults, {self.rows} rows, "
                  f"{self.lost} lost, {self.doubled} doubled", flush=True)

    def report(self):
        print(", ".join(f"{name}: {count}"
                        for name, count in sorted(self.kinds.items())))
        print(f"rows a second: {self.rows / self.disturbed_seconds:.1f} with "
              f"faults, {self.rows / self.undisturbed_seconds:.1f} without")
        print(f"processes left: {self.orphans}, files left: "
              f"{self.leftovers or 'none'}")
        print(f"{sum(self.kinds.values())} faults, {self.rows} rows, "
              f"{self.lost} lost, {self.doubled} doubled, identical: "
              f"{'yes' if self.identical else 'no'}")
        return (self.identical and not self.lost and not self.doubled and
                not self.orphans and not self.leftovers)


def what_is_missing():
    if h5py is None:
        return f"{sys.executable} has no h5py"
    if not (DATA / "fashion-mnist").exists():
        return "dataset-fashion-mnist is not installed"
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none",
                       "/mnt"], stderr=subprocess.DEVNULL).returncode != 0:
        return "mounting a tmpfs is not permitted here"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("faults", type=int)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    arguments = parser.parse_args()
    if missing := what_is_missing():
        print(f"skipped: {missing}")
        return 77
    if os.environ.get("CAPE_SOAK_UNSHARED") != "yes":
        # The full disk is one of our own, which goes with this namespace.
        os.environ["CAPE_SOAK_UNSHARED"] = "yes"
        os.execvp("unshare", ["unshare", "-m", sys.executable, __file__,
                              str(arguments.faults), "--seed",
                              str(arguments.seed)])
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="cape_soak_") as folder:
        soak = Soak(pathlib.Path(folder), arguments.faults, arguments.seed)
        try:
            soak.run(arguments.seed)
        except BaseException:
            subprocess.run(["umount", "-l", soak.disk],
                           stderr=subprocess.DEVNULL)
            print((soak.folder / "said").read_text()[-3000:])
            raise
        return 0 if soak.report() else 1


if __name__ == "__main__":
    sys.exit(main())
