"""Every kind of task, and every data set there is, from files to rows, through
mpirun."""

import csv
import io
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import support
from support import BIN, CONFIG, FarmTest, write_mnist

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
DEBIAN = pathlib.Path("/usr/share/datasets/fashion-mnist")
OFFICIAL = os.environ.get("CAPE_TEST_DATA")


def has(*modules):
    return subprocess.run([sys.executable, "-c", "import " + ",".join(modules)],
                          capture_output=True).returncode == 0


@unittest.skipUnless((BIN / "cape_trainer").exists(), "needs cape_trainer")
class RealFarm(FarmTest):
    trainer = "cape_trainer"

    def rows(self, *inputs):
        return list(csv.DictReader(io.StringIO(
            self.csv(*inputs).decode())))

    def finite(self, rows, *columns):
        for row in rows:
            for column in columns:
                self.assertTrue(math.isfinite(float(row[column])),
                                f"{column}: {row[column]}")


class Tasks(RealFarm):
    def farm_task(self, task, kind=None):
        """The rows of a configuration, on two ranks and on one."""
        shutil.copy(HERE / "tasks" / f"{task}.yaml", self.config)
        subprocess.run([sys.executable, HERE / "tasks" / "make_data.py", task,
                        self.folder], check=True)
        self.farm(ranks=2)
        rows = self.rows()
        alone = self.folder / "alone"
        self.farm(out=alone)
        self.assertTrue(self.csv() == self.csv(alone),
                        "two ranks give other rows than one")
        for row in rows:
            self.assertEqual(row["task"], kind or task)
            self.assertEqual(row["stop_reason"], "converged")
        self.finite(rows, "log_g2", "log_tau", "log_mean_g2", "train_step_loss_4")
        return rows

    @unittest.skipUnless(has("numpy", "sklearn"), "needs scikit-learn")
    def test_regression(self):
        rows = self.farm_task("regression")
        self.assertEqual(len(rows), 12)
        for row in rows:
            self.assertEqual(row["dataset"], "diabetes")
            self.assertEqual(row["classes"], "0")
            self.assertAlmostEqual(float(row["log_n"]), math.log(442))
            # The targets have a mean of 0 and a variance of 1.
            self.assertLess(abs(float(row["probe_loss"]) - 0.5), 2.5)
            self.assertFalse(row["label_entropy"].replace("nan", ""))

    @unittest.skipUnless(has("numpy", "sklearn"), "needs scikit-learn")
    def test_multilabel(self):
        rows = self.farm_task("multilabel")
        self.assertEqual({row["family"] for row in rows},
                         {"mlp", "cnn", "rnn", "transformer"})
        for row in rows:
            self.assertEqual(row["classes"], "4")
            self.assertLessEqual(float(row["label_entropy"]), math.log(2))

    @unittest.skipUnless(has("numpy"), "needs numpy")
    def test_sequence(self):
        rows = self.farm_task("sequence")
        self.assertEqual({row["architecture"] for row in rows},
                         {"lstm_1x32", "gru_1x32_bi", "vit_p4_w24_d1_h3_r2"})
        for row in rows:
            self.assertEqual(row["classes"], "3")
            self.assertLess(abs(float(row["probe_loss"]) - math.log(3)), 1)

    @unittest.skipUnless(has("numpy"), "needs numpy")
    def test_tokens(self):
        """A text classifier, measured and predicted."""
        rows = self.farm_task("tokens", kind="classification")
        embedding = 128 * 32
        parameters = {
            "gru_1x32": embedding + 3 * 32 * (32 + 32) + 6 * 32 + 33 * 4,
            # An embedding of 16, a convolution over five steps, the output.
            "words": 128 * 16 + 16 * 5 * 32 + 32 + 33 * 4}
        for row in rows:
            self.assertEqual(row["classes"], "4")
            self.assertLess(abs(float(row["probe_loss"]) - math.log(4)), 1)
            expected = parameters.get(row["architecture"])
            if expected:
                self.assertAlmostEqual(float(row["log_p"]),
                                       math.log(expected), places=5)
        # What the batch shows is computed of how often each token occurs.
        self.finite(rows, "effective_rank", "neighbour_agreement")
        self.assertEqual({row["input_rms"].replace("nan", "") for row in rows},
                         {""})
        predicted = subprocess.run(
            [BIN / "cape_predict", self.config, "--trainer",
             BIN / self.trainer, "--json"], env=self.environment(),
            capture_output=True, text=True)
        self.assertEqual(predicted.returncode, 0, predicted.stderr)
        cells = json.loads(predicted.stdout)["predictions"]
        measured = {row["architecture"]: float(row["t_star"]) for row in rows}
        self.assertEqual(len(cells), 3)
        for cell in cells:
            # No row of the default model has tokens; far off is a mistake.
            ratio = cell["t_star"] / measured[cell["architecture"]]
            self.assertTrue(1 / 5 < ratio < 5, f"{cell['architecture']}: "
                            f"{cell['t_star']} steps, measured "
                            f"{measured[cell['architecture']]}")

    @unittest.skipUnless(has("numpy"), "needs numpy")
    def test_the_example_of_the_guide(self):
        """Its numpy lines and its configuration, as they are printed there."""
        guide = (ROOT / "docs" / "howto" / "own_data.md").read_text()
        python, yaml = (re.search(rf"```{language}\n(.*?)```", guide,
                                  re.DOTALL)[1]
                        for language in ("python", "yaml"))
        subprocess.run([sys.executable, "-c", python], cwd=self.folder,
                       check=True)
        self.farm(config=self.write_config(yaml, "mine.yaml"))
        rows = self.rows()
        self.assertEqual({row["task"] for row in rows}, {"regression"})

    @unittest.skipUnless(has("numpy"), "needs numpy")
    def test_data_that_changed_are_not_the_same(self):
        shutil.copy(HERE / "tasks" / "sequence.yaml", self.config)
        make = [sys.executable, HERE / "tasks" / "make_data.py", "sequence",
                self.folder]
        subprocess.run(make, check=True)
        key = ["grid.models=[{family: rnn, architectures: [gru]}]",
               "train.max_steps=5"]
        self.farm(*key)
        data = bytearray((self.folder / "y.npy").read_bytes())
        data[-8] = (data[-8] + 1) % 3  # the last label, of eight bytes
        (self.folder / "y.npy").write_bytes(data)
        self.farm(*key, says="other settings")
        (self.folder / "y.npy").write_bytes(data[:-1])
        self.farm(*key, code=2, says=["small.yaml:", "y.npy", "follow it"])


class HeldOut(FarmTest):
    config_text = CONFIG.replace("trials: 5", "trials: 13")  # 52 trajectories

    def test_rows_of_other_data_are_scored_by_a_model_of_the_rest(self):
        write_mnist(self.data / "kmnist", samples=150)
        self.farm()
        held = self.folder / "held"
        self.farm("grid.datasets=[kmnist]", "grid.trials=2", out=held)
        fit = subprocess.run(
            [BIN / "cape_fit", self.out, "--test", held, "--out",
             self.folder / "model"], capture_output=True, text=True)
        self.assertEqual(fit.returncode, 0, fit.stdout + fit.stderr)
        self.assertRegex(fit.stdout,
                         r"\ntest +rows .*\nblend_extended +24 ")
        metrics = (self.folder / "model" / "metrics.json").read_text()
        self.assertIn("kmnist", metrics)


class OfficialData(RealFarm):
    def setUp(self):
        if not OFFICIAL:
            self.skipTest("CAPE_TEST_DATA names no folder of data sets")
        super().setUp()
        self.data = pathlib.Path(OFFICIAL)

    @unittest.skipUnless(DEBIAN.exists(), "needs dataset-fashion-mnist")
    def test_each_family_on_each_data_set(self):
        config = HERE / "tasks" / "every_data_set.yaml"
        self.farm(config=config, ranks=2)
        rows = self.rows()
        self.assertEqual(len({(row["family"], row["dataset"])
                              for row in rows}), 4 * 6)
        self.finite(rows, "log_g2", "log_tau", "initial_loss")

    def test_the_held_out_sets_can_be_planned(self):
        self.farm("--plan", "grid.datasets=[svhn, imdb]",
                  config=ROOT / "configs" / "heldout.yaml",
                  says=["transformer on imdb", "cnn on svhn", "1,440"])


if __name__ == "__main__":
    support.main()
