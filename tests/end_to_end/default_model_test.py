"""scripts/make_default_model.sh and what must be so before
scripts/validate_default_model.sh begins.
"""

import hashlib
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys
import unittest

import support
from support import BIN, CONFIG, FarmTest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"

needs_h5py = unittest.skipUnless(
    importlib.util.find_spec("h5py"),
    "h5py is not installed: scripts/setup.sh --tests")


class DefaultModel(FarmTest):
    config_text = CONFIG.replace("trials: 5", "trials: 13")  # 52 trajectories

    def setUp(self):
        super().setUp()
        self.made = self.folder / "made"
        self.made.mkdir()
        self.measure("mlp.h5")
        self.work = self.folder / "runs" / "model"

    def measure(self, file, *options):
        """Puts a shard of what a farm measured among the default model's."""
        self.farm(*options, out=self.folder / file)
        subprocess.run([BIN / "cape_fit", self.folder / file, "--export-only",
                        "--export-shard", self.made / file],
                       check=True, capture_output=True)

    def run_script(self, name, *arguments, code=0, says=(), path=None,
                   cache=None, **wishes):
        variables = self.environment(**wishes) | {
            "CAPE_BIN": str(BIN), "CAPE_DATA": str(self.data),
            "CAPE_RUNS": str(self.folder / "runs"),
            "CAPE_DATA_OUT": str(self.made)}
        if path:
            variables["PATH"] = f"{path}:{variables['PATH']}"
        if cache:
            variables["CAPE_CACHE"] = str(cache)
        done = subprocess.run([SCRIPTS / name, *arguments], env=variables,
                              cwd=self.folder, capture_output=True, text=True)
        self.expect(done.returncode, done.stdout + done.stderr, code, says)

    def make(self, *arguments, **expected):
        self.run_script("make_default_model.sh", *arguments, **expected)

    def model(self):
        return {path.name: path.read_bytes()
                for path in (self.made / "model" / "batch_steps").iterdir()}

    def expect_nothing_else(self):
        self.assertEqual({path.name for path in self.made.iterdir()},
                         {"mlp.h5", "model"})

    def test_it_puts_there_what_cape_predict_reads(self):
        self.make(says=f"model    {self.made}/model")
        self.assertEqual(self.model().keys(),
                         {"model.json.gz", "general.json.gz",
                          "first_steps_8.json.gz", "cape.json",
                          "metrics.json"})
        self.assertTrue((self.work / "batch_steps" / "report.html").exists())
        predict = [BIN / "cape_predict", self.config, "--data-dir", self.data,
                   "--trainer", BIN / self.trainer, "--model",
                   self.made / "model"]
        subprocess.run(predict, check=True, capture_output=True,
                       env=self.environment())
        trees = self.made / "model" / "batch_steps" / "model.json.gz"
        trees.write_bytes(trees.read_bytes()[:-100])
        damaged = subprocess.run(predict, capture_output=True, text=True,
                                 env=self.environment())
        self.expect(damaged.returncode, damaged.stderr, 2,
                    f"{trees}: truncated or corrupt compressed data")
        self.make("--folds", "2")  # takes the place of the first
        self.assertEqual(json.loads(self.model()["cape.json"])["folds"], 2)
        self.expect_nothing_else()

    def test_the_old_model_stays_until_the_new_one_is_there(self):
        self.make()
        first = self.model()
        self.make("--folds", "1", code=2, says="not in range")
        self.make("--out", "elsewhere", code=2, says="not for this script")
        broken = self.folder / "broken"
        broken.mkdir()
        (broken / "mv").write_text('#!/bin/sh\n[ "${2##*/}" != new ] || exit 1\n'
                                   f'exec {shutil.which("mv")} "$@"\n')
        (broken / "mv").chmod(0o755)
        self.make("--folds", "2", code=1, path=broken)
        self.assertEqual(self.model(), first)
        self.expect_nothing_else()

    def test_without_shards_it_says_how_to_make_them(self):
        (self.made / "mlp.h5").unlink()
        self.make(code=2, says=[f"there are no shards in {self.made}",
                                "scripts/make_metadataset.sh"])

    def check(self, code=0, says=()):
        page = self.folder / "page.md"
        page.write_text("<!-- begin: scripts/validate_default_model.sh -->\n"
                        "<!-- end -->\n")
        done = subprocess.run(
            [sys.executable, SCRIPTS / "validation_tables.py", "--check",
             self.made, page], capture_output=True, text=True)
        self.expect(done.returncode, done.stdout + done.stderr, code, says)

    @needs_h5py
    def test_validation_is_of_the_shards_that_are_there(self):
        self.check(code=1, says="scripts/make_default_model.sh makes it")
        self.make()
        self.check()
        self.measure("mlp.h5", "grid.trials=14")
        self.check(code=1, says=["mlp.h5 (156 rows then, 168 now)",
                                 "fit it again: scripts/make_default_model.sh"])
        self.make()
        self.check()

    @needs_h5py
    def test_validation_that_stops_early_says_so(self):
        (self.made / "heldout").mkdir()
        for seed, name in enumerate(["rnn", "cnn", "transformer",
                                     "heldout/svhn_imdb"]):
            self.measure(f"{name}.h5", f"seed={seed}")
        self.make()
        packages = (SCRIPTS / "requirements-test.txt").read_bytes()
        python = (self.folder / "cache" / "test-python-{}".format(
            hashlib.sha256(packages).hexdigest()[:12]) / "bin" / "python")
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
        self.run_script("validate_default_model.sh", "grid.datasets=[mnist]",
                        "--trainer", BIN / self.trainer, "--time-limit", "1s",
                        code=75, says="rows again", pace=300,
                        cache=self.folder / "cache")


if __name__ == "__main__":
    support.main()
