"""scripts/make_metadataset.sh: what it measures, writes, and says is missing."""

import os
import pathlib
import shutil
import subprocess
import unittest

import support
from support import BIN, FarmTest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "make_metadataset.sh"


class MakeMetadataset(FarmTest):
    def make(self, *arguments, code=0, says=(), **wishes):
        """Without the data sets but MNIST."""
        variables = self.environment(**wishes) | {
            "CAPE_BIN": str(BIN), "CAPE_DATA": str(self.data),
            "CAPE_RUNS": str(self.folder / "runs"),
            "CAPE_DATA_OUT": str(self.folder / "made"),
            "CAPE_NETWORKS": str(self.folder / "networks")}
        done = subprocess.run([SCRIPT, *arguments], env=variables,
                              cwd=self.folder, capture_output=True, text=True)
        self.expect(done.returncode, done.stdout + done.stderr, code, says)

    def farm_options(self, datasets="[mnist]"):
        return ["--", f"grid.datasets={datasets}", "grid.trials=1",
                "--trainer", str(BIN / self.trainer)]

    def made(self):
        """The files there are, once they have their checksums."""
        folder = self.folder / "made"
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"],
                       cwd=folder, check=True)
        return sorted(str(path.relative_to(folder)) for path in
                      folder.rglob("*") if path.is_file())

    def made_rows(self, name):
        table = self.csv(self.folder / "made" / f"{name}.h5").decode()
        return len(table.splitlines()) - 1

    def test_every_grid_becomes_a_shard(self):
        variants = "[{name: mnist, variant: {noise: 0.5}}]"
        self.make("mlp", *self.farm_options())
        self.make("mlp_variants", *self.farm_options(variants),
                  says="rows       27 new")
        self.make("heldout", *self.farm_options())
        self.make("--export", "rnn", says="rnn has not been measured")
        self.assertEqual(self.made(), ["SHA256SUMS", "heldout/svhn_imdb.h5",
                                       "mlp.h5", "mlp_variants.h5"])
        for name in ("mlp", "mlp_variants"):
            self.assertEqual(self.made_rows(name), 27)

    def test_networks_in_files_have_a_grid_for_each_data_set(self):
        self.make("diverse_networks", code=2,
                  says=["there are no networks in", "make_diverse_networks.sh"])
        networks = self.folder / "networks"
        networks.mkdir()
        text = (ROOT / "configs" / "metadataset" / "mlp.yaml").read_text()
        for name in ("one", "two", "other"):
            grid = "other" if name == "other" else f"diverse_networks_{name}"
            (networks / f"{grid}.yaml").write_text(text)
        self.make("diverse_networks", *self.farm_options(),
                  says=["rows       27 new", "nothing to do"])
        self.assertEqual(self.made(),
                         ["SHA256SUMS", "diverse/networks.h5"])
        self.assertEqual(self.made_rows("diverse/networks"), 27)

    def test_what_was_measured_stays(self):
        self.make("mlp", *self.farm_options())
        first = (self.folder / "made" / "mlp.h5").read_bytes()
        self.make("mlp", *self.farm_options(), says="nothing to do")
        self.assertEqual((self.folder / "made" / "mlp.h5").read_bytes(), first)

    def test_it_goes_on_from_the_rows_of_the_file(self):
        self.make("mlp", *self.farm_options())
        shutil.rmtree(self.folder / "runs")
        self.make("mlp", *self.farm_options(), "grid.trials=2",
                  says=["mlp goes on from the rows in", "27 new, 54 of 54"])
        self.assertEqual(self.made_rows("mlp"), 54)

    def test_fewer_rows_replace_nothing(self):
        self.make("mlp", *self.farm_options(), "grid.trials=2")
        self.make("rnn", *self.farm_options())
        made = self.folder / "made"
        first = {path: path.read_bytes() for path in made.glob("*.h5")}
        shutil.rmtree(self.folder / "runs" / "mlp")
        self.farm("grid.datasets=[mnist]", "grid.learning_rate=[1e-3]",
                  "grid.trials=1", out=self.folder / "runs" / "mlp",
                  config=ROOT / "configs" / "metadataset" / "mlp.yaml")
        self.make("--export", "rnn", "mlp", code=2,
                  says=["made/mlp.h5 has 54 rows, and", "runs/mlp only 9",
                        "copy it into that folder"])
        self.assertEqual({path: path.read_bytes()
                          for path in made.glob("*.h5")}, first)
        (made / "mlp.h5").unlink()
        self.make("--export", "rnn", "mlp")
        self.assertEqual(self.made_rows("mlp"), 9)

    def test_a_farm_that_stops_leaves_what_was_made(self):
        self.make("mlp", *self.farm_options(), "--time-limit", "1s", code=75,
                  says="the same command goes on", pace=300)
        self.assertFalse((self.folder / "made").exists())
        self.make("--export", "mlp")
        self.make("mlp", *self.farm_options())
        self.assertEqual(self.made(), ["SHA256SUMS", "mlp.h5"])

    def test_failed_trials_do_not_stop_it(self):
        self.make("mlp", *self.farm_options(), "grid.learning_rate=[1e-3]",
                  "grid.batch_size=[16]", "grid.trials=5",
                  says=["failed     3", "some trials failed"], fake="crash@t1")
        self.assertEqual(self.made(), ["SHA256SUMS", "mlp.h5"])

    def test_it_begins_nothing_that_cannot_end(self):
        self.make("mlp", "cnn", "--", "--trainer", str(BIN / self.trainer),
                  code=2, says=["mlp cannot run", "data set 'cifar10' was not "
                                "found"])
        self.make("mpl", code=2, says="no configuration 'mpl'")
        self.assertFalse((self.folder / "runs").exists())


if __name__ == "__main__":
    support.main()
