"""cape_farm --refresh-probes: older probes are repeated, trainings are not."""

import shutil
import subprocess
import unittest

import h5py
import numpy

import support
from support import BIN, FarmTest

CONFIG = """\
name: small
grid:
  models:
    - {family: mlp, sample: published}
    - {family: rnn, architectures: [{kind: gru, layers: 1, hidden: 32}]}
  datasets: [{name: mnist, variant: sample}]
  optimizer: [adamw, {kind: sgd, learning_rate: [0.05]}]
  learning_rate: [2e-3]
  batch_size: [16]
  epsilon: [0.3, 0.5]
  trials: 3
train:
  max_steps: 40
"""
PROBED = ["log_g2", "log_tau", "probe_loss", "log_mean_g2", "label_entropy",
          "logit_spread", "train_loss_0", "train_mean_gradient2", "train_gradient_l1",
          "train_step_loss_1", "train_step_loss_2", "train_step_loss_4",
          "train_step_loss_8", "probe_dropout", "input_rms", "effective_rank",
          "neighbour_agreement", "constant_inputs", "weight_layers",
          "widest_layer", "convolution_share", "norm_parameters",
          "recurrent_weights", "dropout_rate"]
PROBE_VERSION = 4


def edit_rows(shard, edit):
    with h5py.File(shard, "r+") as file:
        rows = file["trials"][:]
        edit(rows)
        file["trials"][:] = rows


def blank_probe(rows):
    """As if an older program had measured them."""
    for column in PROBED:
        rows[column] = numpy.nan
    rows["probe_version"] = 0


class RefreshProbes(FarmTest):
    trainer = "cape_trainer"
    config_text = CONFIG

    def curves(self, folder):
        """The losses of every row that has the newest probe, by key."""
        found = {}
        for shard in sorted(folder.glob("*.h5")):
            with h5py.File(shard) as file:
                losses = file["curves/loss"][:]
                for row in file["trials"][:]:
                    if row["probe_version"] == PROBE_VERSION:
                        first = row["curve_offset"]
                        found[row["key"]] = bytes(
                            losses[first:first + row["curve_length"]])
        return found

    def measured(self):
        """A folder of rows, and a copy of it with blanked probes."""
        self.farm()
        old = self.folder / "old"
        shutil.copytree(self.out, old)
        for shard in old.glob("*.h5"):
            edit_rows(shard, blank_probe)
        return old

    def test_blanked_features_are_restored_to_the_bit(self):
        old = self.measured()
        self.farm("--refresh-probes", "--plan", out=old,
                  says="24 rows of 12 trajectories have an older probe")
        self.farm("--refresh-probes", out=old, ranks=2,
                  says=["repeated        12 trajectories",
                        "not reproduced  0 trajectories"])
        self.assertTrue(self.csv(old) == self.csv(self.out),
                        "a refreshed row is not the row that was measured")
        self.assertEqual(self.curves(old), self.curves(self.out))
        self.farm("--refresh-probes", out=old,
                  says="older probes    0 rows of 0 trajectories")

    def test_parts_do_not_overlap_and_make_the_whole(self):
        old = self.measured()
        for part in ("0/2", "1/2"):
            self.farm("--refresh-probes", "--shard", part, out=old)
        self.assertTrue(self.csv(old) == self.csv(self.out),
                        "a refreshed row is not the row that was measured")
        with_probe = [row for shard in old.glob("*.h5")
                      for row in h5py.File(shard)["trials"][:]
                      if row["probe_version"] == PROBE_VERSION]
        self.assertEqual(len(with_probe), 24)

    def test_rows_with_another_initial_loss_stay_untouched(self):
        old = self.measured()

        def change_first(rows):
            same = rows["trajectory"] == rows["trajectory"][0]
            rows["initial_loss"][same] *= 1.01

        shard = sorted(old.glob("*.h5"))[0]
        edit_rows(shard, change_first)
        before = shard.read_bytes()
        self.farm("--refresh-probes", out=old,
                  says=["repeated        11 trajectories",
                        "not reproduced  1 trajectories"])
        self.assertEqual(shard.read_bytes(), before)

    def test_rows_of_data_that_are_not_named_stay_untouched(self):
        old = self.measured()
        for shard in old.glob("*.h5"):
            edit_rows(shard, lambda rows: rows["dataset"].__setitem__(
                slice(None), b"elsewhere"))
        self.farm("--refresh-probes", out=old,
                  says=["older probes    0 rows",
                        "other data      24 rows"])

    def test_rows_of_other_samples_stay_untouched(self):
        old = self.measured()
        for shard in old.glob("*.h5"):
            edit_rows(shard, lambda rows: rows["samples_available"].__setitem__(
                slice(None), 7))
        self.farm("--refresh-probes", out=old,
                  says=["older probes    0 rows",
                        "other data      24 rows"])

    def test_only_networks_in_files_need_a_probe_for_their_dropout(self):
        subprocess.run([BIN / "make_module", self.folder / "net.pt"],
                       check=True)
        grid = ["grid.models=[{family: torchscript, architectures: "
                "[{file: net.pt}]}, {family: mlp, sample: published}]",
                "grid.datasets=[mnist]", "grid.trials=1"]
        self.farm(*grid)

        def to_version_3(rows):
            rows["probe_version"] = 3
            rows["dropout_rate"] = numpy.nan

        for shard in self.out.glob("*.h5"):
            edit_rows(shard, to_version_3)
        self.farm("--refresh-probes", *grid,
                  says=["older probes    4 rows of 2 trajectories",
                        "repeated        2 trajectories"])
        rates = {(row["family"], row["probe_version"]): row["dropout_rate"]
                 for shard in self.out.glob("*.h5")
                 for row in h5py.File(shard)["trials"][:]}
        self.assertEqual(rates[b"torchscript", PROBE_VERSION], 0)
        self.assertNotIn((b"mlp", PROBE_VERSION), rates)

    def test_the_farm_goes_on_among_refreshed_rows(self):
        old = self.measured()
        self.farm("--refresh-probes", out=old)
        self.farm(out=old, says="nothing to do: all 24 rows")


if __name__ == "__main__":
    support.main()
