"""Whole trainings by the real trainer: rows against a transcription of the
rules in plain Python, and rows that do not depend on who made them."""

import csv
import io
import json
import math
import pathlib
import random
import statistics
import subprocess
import sys
import unittest

import support
from support import BIN, FarmTest, write_idx

ROOT = pathlib.Path(__file__).resolve().parents[2]
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")

try:
    import h5py
    import numpy
except ImportError:
    h5py = None

CONFIG = """\
name: small
grid:
  models:
    - {family: mlp, architectures: [{layers: [1, 2], width: 16}]}
  datasets: [mnist]
  optimizer: [adamw, {kind: sgd, learning_rate: [0.05]}]
  learning_rate: [1e-3]
  batch_size: [16]
  samples: {log_uniform: [100, 400]}
  epsilon: [0.1, 0.3, 0.6]
  trials: 3
train:
  target: full_training
  patience: [1, 3]
  min_delta: 0.002
  max_epochs: 12
"""


def plain_rows(steps_per_epoch, settings, training, validation):
    """What a trajectory's rows are by its curves: {criterion: (stop reason,
    t_star, steps_run, best epoch)}. `training` and `validation` are pairs
    (steps, losses)."""
    rows = {}
    cap = settings["max_epochs"] * steps_per_epoch

    def stop(patience):
        """(epochs, best epoch, why) of early stopping."""
        best, best_epoch = math.inf, 0
        for epoch, loss in enumerate(validation[1], start=1):
            if not math.isfinite(loss):
                return epoch, best_epoch, "non_finite"
            if best_epoch == 0 or loss < best - settings["min_delta"]:
                best, best_epoch = loss, epoch
            if epoch - best_epoch >= patience:
                return epoch, best_epoch, "converged"
            if epoch == settings["max_epochs"]:
                return epoch, best_epoch, "max_epochs"
        return None

    for patience in settings["patience"]:
        epochs, best_epoch, why = stop(patience)
        steps = epochs * steps_per_epoch
        rows["early_stopping", patience] = (
            why, steps if why == "converged" else cap, steps, best_epoch)
    for epsilon in settings["epsilon"]:
        initial = training[1][0]
        row = None
        for step, loss in zip(*training):
            if not math.isfinite(loss):
                row = ("non_finite", cap, step, 0)
            elif step > 0 and loss <= epsilon * initial:
                row = ("converged", step, step, 0)
            if row:
                break
        if row is None:
            end = stop(max(settings["patience"]))
            why = {"converged": "plateau"}.get(end[2], end[2])
            row = (why, cap, training[0][-1], 0)
        rows["epsilon", epsilon] = row
    return rows


class RealFullTraining(FarmTest):
    trainer = "cape_trainer"
    config_text = CONFIG

    def make_data(self):
        """Bright thirds with noise, and some labels that are wrong."""
        draw = random.Random(1)
        labels, pixels = [], bytearray()
        for _ in range(520):
            label = draw.randrange(3)
            labels.append(label if draw.random() < 0.8 else draw.randrange(10))
            noise = draw.randbytes(784)
            pixels += bytes(value // 2 + 50 * (i // 252 == label)
                            for i, value in enumerate(noise))
        labels[:20] = [i % 10 for i in range(20)]
        folder = self.data / "mnist"
        write_idx(folder / "train-images-idx3-ubyte", (520, 28, 28), pixels)
        write_idx(folder / "train-labels-idx1-ubyte", (520,), labels)

    def trajectories(self):
        """Of each: its rows, and its curves as the fullest row has them."""
        found = {}
        for shard in self.shards():
            with h5py.File(shard) as file:
                steps, losses = (file["curves/" + name][:]
                                 for name in ("step", "loss"))
                for row in file["trials"][:]:
                    curves = []
                    for kind in ("curve", "validation"):
                        part = slice(row[kind + "_offset"],
                                     row[kind + "_offset"] +
                                     row[kind + "_length"])
                        curves.append((steps[part], losses[part]))
                    found.setdefault(row["trajectory"], []).append(
                        (row, *curves))
        return found

    def test_rows_are_what_plain_python_makes_of_their_curves(self):
        if h5py is None:
            self.skipTest(f"{sys.executable} has no h5py and numpy")
        self.farm(ranks=2, says="rows       60 new")
        settings = {"max_epochs": 12, "patience": [1, 3], "min_delta": 0.002,
                    "epsilon": [0.1, 0.3, 0.6]}
        reasons = set()
        for rows in self.trajectories().values():
            row, training, validation = rows[0]
            steps_per_epoch = row["samples"] // row["batch_size"]
            self.assertEqual(row["steps_per_epoch"], steps_per_epoch)
            epochs = numpy.arange(1, len(validation[0]) + 1)
            self.assertTrue((validation[0] == epochs * steps_per_epoch).all())
            self.assertTrue((numpy.diff(training[0]) <=
                             numpy.maximum(1, training[0][:-1] // 20)).all())
            expected = plain_rows(steps_per_epoch, settings, training,
                                  validation)
            self.assertEqual(len(rows), 5)
            for row, _, _ in rows:
                kind = row["criterion"].decode()
                number = row["epsilon" if kind == "epsilon" else "patience"]
                reason = row["stop_reason"].decode()
                reasons.add(reason)
                self.assertEqual(
                    (reason, row["t_star"], row["steps_run"],
                     row["best_epoch"]), expected[kind, number])
                self.assertEqual(row["converged"], reason == "converged")
                self.assertEqual(row["epochs"],
                                 row["steps_run"] / steps_per_epoch)
                self.assertEqual(row["initial_loss"], training[1][0])
                if kind == "early_stopping":
                    self.assertEqual(row["validation_loss"],
                                     validation[1][row["best_epoch"] - 1])
        self.assertIn("converged", reasons)
        self.assertIn("plateau", reasons)

    def test_the_table_does_not_depend_on_ranks_or_parts(self):
        for part in range(2):
            self.farm("--shard", f"{part}/2", ranks=2)
        self.expect_same_table()

    def test_a_row_is_that_of_a_training_for_its_criterion_alone(self):
        self.farm()
        shared = self.rows(self.out)
        for override in ("grid.epsilon=[0.1]", "grid.epsilon=[0.6]"):
            out = self.folder / override
            self.farm(override, "train.patience=[3]", out=out)
            alone = self.rows(out)
            self.assertEqual(len(alone), 24)
            for key, row in alone.items():
                self.assertEqual(row, shared[key])

    def rows(self, out):
        table = csv.DictReader(io.StringIO(self.csv(out).decode()))
        return {row["key"]: row for row in table}

    def test_a_model_directory_without_the_target_is_named(self):
        model = self.folder / "model"
        self.farm("train.target=batch_steps", "grid.samples=[all]",
                  "grid.trials=15", "train.max_steps=100",
                  says="rows       180 new")
        subprocess.run([BIN / "cape_fit", self.out, "--out", model],
                       check=True, capture_output=True)
        done = subprocess.run(
            [BIN / "cape_predict", self.config, "--model", model, "--trainer",
             BIN / self.trainer, "--data-dir", self.data],
            env=self.environment(), capture_output=True, text=True)
        self.expect(done.returncode, done.stdout + done.stderr, 2,
                    [f"{model} answers for the target batch_steps, not for "
                     "full_training"])


@unittest.skipUnless(FASHION.exists(), f"{FASHION} is not there: apt-get "
                     "install dataset-fashion-mnist")
class Quickstart(FarmTest):
    """configs/full_quickstart.yaml, with fewer trials."""

    trainer = "cape_trainer"
    config_file = ROOT / "configs" / "full_quickstart.yaml"

    def make_data(self):
        self.data = FASHION.parent

    def run_command(self, command):
        done = subprocess.run(command, text=True, env=self.environment(),
                              capture_output=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def run_program(self, name, *arguments):
        return self.run_command([BIN / name, *arguments])

    def test_a_farm_a_fit_and_predictions(self):
        model = self.folder / "model"
        self.run_command(self.command("grid.trials=7", ranks=2,
                                      config=self.config_file))
        printed = self.run_program("cape_fit", self.out, "--folds", "2",
                                   "--out", model)
        self.assertIn("errors in epochs", printed)
        for criterion in ("epsilon", "early_stopping"):
            self.assertTrue((model / criterion / "report.html").exists())
        predict = ["cape_predict", self.config_file, "--model", model,
                   "--data-dir", self.data, "grid.samples=[1000]",
                   "grid.batch_size=[64]"]
        cells = json.loads(
            self.run_program(*predict, "--json"))["predictions"]
        # Two learning rates, two epsilons, two patiences.
        self.assertEqual(len(cells), 8)
        for cell in cells:
            self.assertEqual(cell["steps_per_epoch"], 1000 // 64)
            self.assertAlmostEqual(cell["epochs"] * cell["steps_per_epoch"],
                                   cell["t_star"])
            low, high = cell["interval"]
            self.assertLessEqual(low, cell["t_star"])
            self.assertLessEqual(cell["t_star"], high)
            seconds = cell["t_star"] * cell["step_seconds"]
            self.assertGreaterEqual(cell["seconds"], seconds)
            if cell["criterion"] == "early_stopping":
                self.assertAlmostEqual(
                    cell["epochs"],
                    min(cell["best_epoch"] + cell["patience"],
                        cell["max_epochs"]))
        measured = json.loads(self.run_program(
            *predict, "--json", "--measure",
            "grid.learning_rate=[2e-3]"))["predictions"]
        factors = [abs(math.log(cell["t_star"] / cell["measured"]["t_star"]))
                   for cell in measured]
        self.assertLess(statistics.median(factors), math.log(2.5))
        table = self.run_program(*predict, "--sort", "seconds")
        self.assertIn("patience 5", table)
        self.assertIn("epochs", table.splitlines()[0])

    def test_first_steps_are_those_of_the_training(self):
        predict = ["cape_predict", self.config_file, "--json", "--data-dir",
                   self.data, "--model", ROOT / "data" / "model",
                   "grid.samples=[500]"]
        begun, measured = (
            json.loads(self.run_program(*predict, *option))["predictions"]
            for option in (["--steps", "32"], ["--measure"]))
        answered_by = set()
        for cell, other in zip(begun, measured, strict=True):
            true = other["measured"]["t_star"]
            if cell["criterion"] == "early_stopping":
                # As far as the probe, which is taken with other threads.
                self.assertEqual(cell["model"], "general")
                self.assertAlmostEqual(cell["t_star"] / other["t_star"], 1,
                                       delta=0.01)
                continue
            answered_by.add(cell["model"])
            if true <= 32:
                self.assertEqual(cell["model"], "trained")
                self.assertEqual(cell["t_star"], true)
            else:
                self.assertEqual(cell["model"], "first steps")
                self.assertLess(abs(math.log(cell["t_star"] / true)), 0.7)
                self.assertGreater(cell["interval"][0], 32)
        self.assertEqual(answered_by, {"trained", "first steps"})

    def test_steps_of_another_target_are_named(self):
        done = subprocess.run(
            [BIN / "cape_predict", self.config_file, "--steps", "8",
             "--model", ROOT / "data" / "model"], capture_output=True, text=True)
        self.expect(done.returncode, done.stdout + done.stderr, 2,
                    ["--steps must be 32 for the target full_training (found 8)"])


if __name__ == "__main__":
    support.main()
