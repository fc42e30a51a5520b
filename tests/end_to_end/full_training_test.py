"""Whole trainings: the farm, what it refuses, and what the other programs say
of their rows."""

import subprocess
import sys

import support
from support import BIN, FarmTest, write_idx, write_mnist

try:
    import h5py
except ImportError:
    h5py = None

CONFIG = """\
name: small
grid:
  models:
    - {family: mlp, sample: published}
  datasets: [mnist]
  learning_rate: [1e-3, 2e-3]
  batch_size: [16, 32]
  samples: [100, all]
  epsilon: [0.15, 0.3]
  trials: 5
train:
  target: full_training
  patience: [2, 4]
  max_epochs: 30
"""
ROWS = 8 * 5 * 4


class FullTraining(FarmTest):
    config_text = CONFIG

    def make_data(self):
        write_mnist(self.data / "mnist", samples=300)

    def test_the_plan_says_what_the_longest_training_takes(self):
        self.farm("--plan", says=["160 cells", "the longest trainings (",
                                  "if they take all 30 epochs"])
        self.assertFalse(self.out.exists())

    def test_ranks_make_no_difference(self):
        for ranks in (1, 2, 4):
            out = self.folder / f"ranks{ranks}"
            self.farm(ranks=ranks, out=out, says=f"rows       {ROWS} new")
            self.expect_same_table(out)

    def test_parts_are_the_whole(self):
        for part in range(3):
            self.farm("--shard", f"{part}/3")
        self.expect_same_table()

    def test_a_killed_run_is_completed(self):
        killed = self.start(self.command("workers.per_rank=1",
                                         "output.flush_seconds=0"),
                            fake="hang@5", once=True)
        self.marker("hang")
        support.wait_for(self.shards, "shard")
        self.end(killed)
        support.wait_for(lambda: not self.processes(killed, "fake_trainer"),
                         "end of the trainers")
        self.farm("--status", code=75)
        self.farm(says=f"{ROWS} of {ROWS} in all")
        self.expect_same_table()

    def test_a_trainer_that_dies_loses_one_training(self):
        self.farm(fake="crash@3", once=True, says=f"rows       {ROWS} new")
        self.expect_same_table()

    def test_more_criteria_add_rows_to_the_trainings_that_are_there(self):
        self.farm("grid.epsilon=[0.3]", "train.patience=[4]")
        self.farm(says=["resuming: 80 of 160 rows", "rows       80 new"])
        self.expect_same_table()

    def test_rows_of_two_targets_are_named_and_never_mixed(self):
        self.farm()
        steps = self.folder / "steps"
        self.farm("train.target=batch_steps", "grid.samples=[all]", out=steps)
        fit = [BIN / "cape_fit", "--out", self.folder / "model"]
        table = self.folder / "rows.csv"

        def run(*arguments):
            done = subprocess.run([*fit, *arguments], capture_output=True,
                                  text=True)
            return done.returncode, done.stdout + done.stderr
        self.expect(*run(self.out, steps), 2,
                    ["different targets", "160 rows: --where "
                     "target=full_training", "--where target=batch_steps"])
        self.assertFalse((self.folder / "model").exists())
        self.expect(*run(self.out, "--export-only", "--export-csv", table), 0)
        self.assertEqual(len(table.read_text().splitlines()), ROWS + 1)

    def test_a_merged_shard_keeps_the_curves(self):
        if h5py is None:
            self.skipTest(f"{sys.executable} has no h5py")
        self.farm(ranks=2)
        merged = self.folder / "merged.h5"
        subprocess.run([BIN / "cape_fit", self.out, "--export-only",
                        "--export-shard", merged], check=True,
                       capture_output=True)

        def curves(paths):
            found = {}
            for path in paths:
                with h5py.File(path) as file:
                    steps, losses = (file["curves/" + name][:]
                                     for name in ("step", "loss"))
                    for row in file["trials"][:]:
                        parts = []
                        for kind in ("curve", "validation"):
                            first = row[kind + "_offset"]
                            end = first + row[kind + "_length"]
                            parts += [steps[first:end].tolist(),
                                      losses[first:end].tolist()]
                        found[row["key"]] = parts
            return found
        before = curves(self.shards())
        self.assertEqual(len(before), ROWS)
        self.assertEqual(curves([merged]), before)


class Refused(FarmTest):
    config_text = CONFIG

    def make_data(self):
        write_mnist(self.data / "mnist", samples=300)
        write_mnist(self.data / "fashion-mnist", samples=150)
        rare = self.data / "kmnist"
        write_mnist(rare, samples=300)
        labels = [i % 9 for i in range(299)] + [9]
        write_idx(rare / "train-labels-idx1-ubyte", (300,), labels)

    def refuse(self, *overrides, says):
        self.farm(*overrides, code=2, says=says)
        self.assertFalse(self.out.exists(), "nothing was to be made")

    def test_more_samples_than_there_are(self):
        self.refuse("grid.samples=[100, 201]",
                    says=["grid.samples", "201 samples are more than mnist",
                          "at most 200, or all"])

    def test_a_validation_part_that_leaves_too_little(self):
        self.refuse("grid.datasets=[fashion_mnist]",
                    says=["100 of the 150 samples of fashion_mnist",
                          "train.validation"])
        self.refuse("train.validation=0.6",
                    says="180 of the 300 samples of mnist")

    def test_a_batch_that_is_larger_than_the_samples(self):
        self.refuse("grid.batch_size=[128]",
                    says="batch size 128 is larger than the 100 samples")

    def test_settings_that_are_out_of_range(self):
        self.refuse("train.patience=0", says="train.patience")
        self.refuse("train.min_delta=-0.1", says="train.min_delta")
        self.refuse("train.max_epochs=0", says="train.max_epochs")
        self.refuse("train.validation=1", says="train.validation")
        self.refuse("train.target=whole_training",
                    says=["train.target", "full_training"])

    def test_a_class_with_too_few_samples(self):
        self.refuse("grid.datasets=[kmnist]",
                    says="class 9 of kmnist has 1 samples")

    def test_a_variant_of_a_data_set(self):
        self.refuse("grid.datasets=[{name: mnist, variant: {noise: 0.1}}]",
                    says="variants of data sets are for batch_steps alone")

    def test_samples_for_another_target(self):
        self.refuse("train.target=batch_steps",
                    says=["grid.samples", "train.target is batch_steps"])


if __name__ == "__main__":
    support.main()
