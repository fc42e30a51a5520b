"""A network of the user's own: farmed, fitted, predicted."""

import csv
import io
import json
import math
import subprocess

import support
from support import BIN, FarmTest

CONFIG = """\
name: own
grid:
  models:
    - {family: torchscript, architectures: [{file: net.pt}]}
  datasets: [mnist]
  learning_rate: [3e-3, 1e-2]
  batch_size: [16, 32]
  epsilon: [0.5, 0.7]
  trials: 13
train:
  max_steps: 400
"""
PARAMETERS = 10 * 784 + 10 + 10 * 10 + 10


class TorchScript(FarmTest):
    trainer = "cape_trainer"
    config_text = CONFIG

    def make_module(self, *arguments):
        subprocess.run([BIN / "make_module", self.folder / "net.pt",
                        *arguments], check=True)

    def predict(self, config):
        return subprocess.run(
            [BIN / "cape_predict", config, "--model", self.folder / "model",
             "--trainer", BIN / self.trainer, "--data-dir", self.data,
             "--json"], env=self.environment(), capture_output=True, text=True)

    def test_it_is_farmed_fitted_and_predicted(self):
        self.make_module()
        # Nobody knows what a file computes before it has run.
        self.farm("--plan", says="What networks in files compute is not known")
        self.farm(ranks=2, says="perhaps much more: what networks in files")
        rows = list(csv.DictReader(io.StringIO(self.csv().decode())))
        self.assertEqual(len(rows), 104)
        for row in rows:
            self.assertEqual(row["family"], "torchscript")
            self.assertTrue(row["architecture"].startswith("net_"))
            self.assertAlmostEqual(float(row["log_p"]), math.log(PARAMETERS),
                                   places=5)
            self.assertEqual(row["stop_reason"], "converged")

        predicted = self.predict(self.config)
        self.assertEqual(predicted.returncode, 0, predicted.stderr)
        cells = json.loads(predicted.stdout)["predictions"]
        self.assertEqual(len(cells), 8)
        for cell in cells:
            self.assertEqual(cell["unseen"], [])
            self.assertEqual(cell["extrapolated"], [])

        # It is known by what is in the file, wherever that lies.
        moved = self.folder / "elsewhere"
        moved.mkdir()
        (self.folder / "net.pt").rename(moved / "renamed.pt")
        self.config.write_text(CONFIG.replace("net.pt",
                                              "elsewhere/renamed.pt"))
        self.farm("--status", says="104 of 104")

    def test_one_that_does_not_fit_the_task_is_named(self):
        self.make_module("7")
        self.farm("grid.trials=1", "grid.batch_size=[16]",
                  "grid.learning_rate=[1e-2]", code=3,
                  says=["net.pt: forward gives 16 x 7", "16 x 10"])

    def test_a_bad_one_does_not_take_the_others_along(self):
        files = []
        for outputs, hidden in ("7", "40"), *(("10", h) for h in "6789"):
            files.append(f"net_{hidden}.pt")
            subprocess.run([BIN / "make_module", self.folder / files[-1],
                            outputs, hidden], check=True)
        printed = self.farm(
            f"grid.models=[{{family: torchscript, architectures: "
            f"[{{file: [{', '.join(files)}]}}]}}]",
            "grid.trials=1", "grid.batch_size=[16]",
            "grid.learning_rate=[1e-2]", code=3,
            says="net_40.pt: forward gives 16 x 7")
        self.assertNotIn("closed", printed)
        rows = csv.DictReader(io.StringIO(self.csv().decode()))
        self.assertEqual({row["architecture"].rsplit("_", 1)[0]
                          for row in rows},
                         {"net_6", "net_7", "net_8", "net_9"})

    def test_one_that_is_none_is_refused_before_anything_runs(self):
        (self.folder / "net.pt").write_text("weights")
        self.farm(code=2, says=["net.pt", "torch.jit.save"])
        (self.folder / "net.pt").unlink()
        self.farm(code=2, says="net.pt")
        self.assertFalse(self.out.exists())


if __name__ == "__main__":
    support.main()
