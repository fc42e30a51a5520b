"""Rows of different training settings, and shards of older and newer programs
beside today's."""

import shutil
import subprocess

import h5py
import numpy

import support
from support import BIN, FarmTest


class Shards(FarmTest):
    config_text = support.CONFIG + "  weight_decay: 1e-4\n"

    def fit(self, *arguments, code=0, says=()):
        fit = subprocess.run(
            [BIN / "cape_fit", *arguments, "--out", self.folder / "model"],
            capture_output=True, text=True)
        self.expect(fit.returncode, fit.stdout + fit.stderr, code, says)
        return fit.stdout + fit.stderr

    def farm_enough(self, *overrides, name):
        out = self.folder / name
        self.farm("grid.trials=15", *overrides, out=out)
        return out

    def rewrite(self, folder, fields=(), drop=(), schema=5):
        """Stores every shard with other columns."""
        for shard in folder.glob("*.h5"):
            with h5py.File(shard, "r+") as file:
                rows = file["trials"][:]
                kept = [(name, rows.dtype[name]) for name in rows.dtype.names
                        if name not in drop]
                table = numpy.zeros(len(rows), kept + list(fields))
                for name, _ in kept:
                    table[name] = rows[name]
                del file["trials"]
                file.create_dataset("trials", data=table, chunks=(64,),
                                    maxshape=(None,))
                file.attrs["schema_version"] = numpy.int32(schema)

    def test_columns_from_the_future_and_columns_that_are_missing(self):
        whole = self.farm_enough(name="whole")
        reference = self.csv(whole)
        newer = self.folder / "newer"
        shutil.copytree(whole, newer)
        self.rewrite(newer, fields=[("scheduler", "S8"), ("warmup", "f8")],
                     schema=1000)
        self.fit(newer, says="columns of a newer program were skipped: "
                             "scheduler, warmup")
        self.assertEqual(self.csv(newer), reference)
        older = self.folder / "older"
        shutil.copytree(whole, older)
        self.rewrite(older, drop=["optimizer", "optimizer_json", "revision"],
                     schema=4)
        self.fit(older)
        self.assertEqual(self.csv(older), reference)
        both = self.fit(newer, older, whole)
        self.assertIn("duplicate rows were left out", both)
        self.assertNotIn("differ", both)

    def test_a_newer_format_is_refused_and_left_alone(self):
        whole = self.farm_enough(name="whole")
        for shard in whole.glob("*.h5"):
            with h5py.File(shard, "r+") as file:
                file.attrs["format_version"] = numpy.int32(2)
        self.fit(whole, code=2, says="its format_version is 2")

    def test_mixed_settings_are_refused_by_name_until_one_is_picked(self):
        first = self.farm_enough(name="first")
        second = self.farm_enough("train.max_steps=300", name="second")
        self.fit(first, second, code=2,
                 says=["different settings", "--where max_steps=300",
                       "--where max_steps=400"])
        printed = self.fit(first, second, "--where", "max_steps=300")
        self.assertIn("180 rows", printed)
        self.fit(first, second, "--where", "max_steps=7", code=2,
                 says="matches all of --where")
        self.fit(first, second, "--where", "max_step=7", code=2,
                 says="no column 'max_step'")
        self.fit(first, "--test", second, code=2,
                 says="none of the 180 rows to test")

    def test_rows_that_lack_a_feature_are_counted(self):
        whole = self.farm_enough(name="whole")
        for shard in whole.glob("*.h5"):
            with h5py.File(shard, "r+") as file:
                rows = file["trials"][:]
                rows["train_step_loss_2"] = numpy.nan
                rows["effective_rank"][:10] = numpy.nan
                file["trials"][:] = rows
        self.fit(whole, says=[
            "log_effective_rank (10 rows)",
            "log_step_2, log_step_rate_2, log_step_time_2 (180 rows)"])
        for shard in whole.glob("*.h5"):
            with h5py.File(shard, "r+") as file:
                rows = file["trials"][:]
                for step in (1, 2, 4, 8):
                    rows[f"train_step_loss_{step}"] = numpy.nan
                file["trials"][:] = rows
        self.fit(whole, says="log_step_1, log_step_2, log_step_4 and 9 more "
                             "(180 rows)")


if __name__ == "__main__":
    support.main()
