"""Optimizers, from the farm to the fit and the prediction."""

import csv
import io
import json
import subprocess

import support
from support import BIN, FarmTest

CONFIG = """\
name: optimizers
grid:
  models:
    - {family: mlp, sample: published}
  datasets: [mnist]
  optimizer: [adamw, adam, {kind: sgd, nesterov: true, learning_rate: [0.02, 0.05]}]
  learning_rate: [1e-3, 2e-3]
  batch_size: [16]
  epsilon: [0.3, 0.5]
  trials: 12
train:
  max_steps: 300
"""


class Optimizers(FarmTest):
    trainer = "cape_trainer"
    config_text = CONFIG

    def test_every_optimizer_is_farmed_fitted_and_predicted(self):
        self.farm(ranks=2, says="rows       144 new")
        rows = list(csv.DictReader(io.StringIO(self.csv().decode())))
        counts = {}
        for row in rows:
            counts[row["optimizer"]] = counts.get(row["optimizer"], 0) + 1
            self.assertEqual(row["max_steps"], "300")
            self.assertEqual(row["weight_decay"], "0.0001")
        self.assertEqual(counts, {"adamw": 48, "adam": 48, "sgd": 48})
        sgd = next(row for row in rows if row["optimizer"] == "sgd")
        self.assertEqual(json.loads(sgd["optimizer_json"]),
                         {"kind": "sgd", "nesterov": True})
        self.assertIn(float(sgd["learning_rate"]), (0.02, 0.05))

        model = self.folder / "model"
        features = json.loads((model / "cape.json").read_text())["features"]
        self.assertIn("is_sgd", features)
        self.assertIn("is_adam", features)
        fit = subprocess.run([BIN / "cape_fit", self.out, "--out", model],
                             capture_output=True, text=True)
        self.assertIn("optimizer=sgd(nesterov)", fit.stdout)

        command = [BIN / "cape_predict", self.config, "--model", model,
                   "--trainer", BIN / self.trainer, "--data-dir", self.data,
                   "seed=7"]
        table = subprocess.run(command, env=self.environment(),
                               capture_output=True, text=True)
        self.assertEqual(table.returncode, 0, table.stderr)
        self.assertIn("sgd(nesterov)", table.stdout)
        printed = subprocess.run([*command, "--json"], env=self.environment(),
                                 capture_output=True, text=True)
        cells = json.loads(printed.stdout)["predictions"]
        self.assertEqual({cell["optimizer"] for cell in cells},
                         {"adamw", "adam", "sgd"})
        for cell in cells:
            self.assertNotIn("optimizer", cell["unseen"])
            self.assertNotIn("settings", cell["unseen"])
            self.assertLessEqual(cell["t_star"], 300)

        other = subprocess.run(
            [*command, "train.max_steps=200", "--json",
             "grid.optimizer=[{kind: sgd, momentum: 0.5}]"],
            env=self.environment(), capture_output=True, text=True)
        for cell in json.loads(other.stdout)["predictions"]:
            self.assertIn("optimizer", cell["unseen"])
            self.assertIn("settings", cell["unseen"])
            self.assertLessEqual(cell["t_star"], 200)


if __name__ == "__main__":
    support.main()
