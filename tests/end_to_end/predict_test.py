"""cape_predict on models of small farms: what it predicts, prints and refuses."""

import csv
import gzip
import json
import math
import pathlib
import shutil
import subprocess
import unittest

import support
from support import BIN, CONFIG, FarmTest

DATA = pathlib.Path("/usr/share/datasets")
ROOT = pathlib.Path(__file__).resolve().parents[2]


def name_no_general_models(model):
    """As cape.json had it before it named them."""
    description = json.loads((model / "cape.json").read_text())
    del description["general_models"]
    (model / "cape.json").write_text(json.dumps(description))


class PredictTest(FarmTest):
    """A farm's model, made once a class."""

    config_text = CONFIG.replace("trials: 5", "trials: 13")  # 52 trajectories

    def setUp(self):
        super().setUp()
        self.model = self.folder / "model"
        cls = type(self)
        if "model_files" not in cls.__dict__:
            self.farm()
            subprocess.run([BIN / "cape_fit", self.out, "--out", self.model],
                           check=True, capture_output=True)
            cls.model_files = {
                path.relative_to(self.model): path.read_bytes()
                for path in self.model.rglob("*") if path.is_file()}
        for path, content in cls.model_files.items():
            (self.model / path).parent.mkdir(parents=True, exist_ok=True)
            (self.model / path).write_bytes(content)

    def predict(self, *arguments, code=0, says=(), **wishes):
        """What it prints on standard output."""
        command = [BIN / "cape_predict", "--model", self.model, "--trainer",
                   BIN / self.trainer, "--data-dir", self.data, *arguments]
        done = subprocess.run([str(argument) for argument in command],
                              env=self.environment(**wishes),
                              capture_output=True, text=True)
        self.expect(done.returncode, done.stdout + done.stderr, code, says)
        return done.stdout

    def predictions(self, *arguments, **wishes):
        printed = self.predict(*arguments, "--json", **wishes)
        return json.loads(printed)["predictions"]

    def fitted(self):
        """tables/predictions.csv, by trajectory and epsilon."""
        with open(self.model / "tables" / "predictions.csv") as file:
            return {(row["trajectory"], float(row["epsilon"])): row
                    for row in csv.DictReader(file)}

    def expect_what_was_fitted(self):
        """Probes of trial 0 give the farm's features and cape_fit's values."""
        rows = self.fitted()
        predictions = self.predictions(self.config)
        self.assertEqual(len(predictions), 12)
        for one in predictions:
            row = rows[one["trajectory"], one["epsilon"]]
            self.assertAlmostEqual(float(row["fitted"]), one["t_star"],
                                   delta=1e-4 * one["t_star"])
            for name, value in one["features"].items():
                self.assertAlmostEqual(float(row[name]), value, places=4)
            shares = sum(one["contributions"].values())
            within_cap = min(max(math.exp(shares), 1), one["max_steps"])
            self.assertAlmostEqual(within_cap, one["t_star"],
                                   delta=1e-4 * one["t_star"])
            low, high = one["interval"]
            self.assertLessEqual(low, one["t_star"])
            self.assertGreaterEqual(high, one["t_star"])
            self.assertEqual(one["extrapolated"], [])
            self.assertEqual(one["unseen"], [])
            self.assertAlmostEqual(one["t_star"] * one["step_seconds"],
                                   one["seconds"])
            for name in ("log_g2", "probe_loss", "train_step_loss_8",
                         "neighbour_agreement", "widest_layer"):
                self.assertTrue(math.isfinite(one["probe"][name]), name)
            self.assertNotIn("measured", one)


class WithFakeTrainer(PredictTest):
    def test_it_predicts_what_the_fit_did(self):
        self.expect_what_was_fitted()

    def test_it_measures_too(self):
        for one in self.predictions(self.config, "--measure"):
            measured = one["measured"]
            self.assertEqual(measured["converged"],
                             measured["stop_reason"] == "converged")
            self.assertGreater(measured["t_star"], 0)
        self.predict(self.config, "--measure",
                     says=["true T*", "mean absolute error"])

    def test_the_table_says_what_t_star_is(self):
        printed = self.predict(self.config)
        self.assertIn("one fixed batch", printed)
        self.assertEqual(printed.count(" mnist "), 12)
        self.assertNotIn("beyond    what", printed)

    def test_the_interval_is_headed_by_no_share_and_the_legend_gives_it(self):
        description = json.loads((self.model / "cape.json").read_text())
        for level in (0.9, 0.57):
            description["intervals"]["level"] = level
            (self.model / "cape.json").write_text(json.dumps(description))
            header, *lines = self.predict(self.config).splitlines()
            self.assertRegex(header, r" T\* +interval +time ")
            legend, = (line for line in lines if line.startswith("interval"))
            self.assertIn(f" {100 * level:g} % of trials like those", legend)

    def test_of_one_cell_it_says_what_the_model_goes_by(self):
        one_cell = [self.config, "grid.learning_rate=[1e-3]",
                    "grid.batch_size=[16]", "grid.epsilon=[0.2]",
                    "grid.models=[{family: mlp, sample: published}]"]
        one, = self.predictions(*one_cell)
        self.assertAlmostEqual(sum(one["contributions"].values()),
                               math.log(one["t_star"]), places=4)
        printed = self.predict(*one_cell).split("adds to log T*")[1]
        lines = [line.split() for line in printed.splitlines()[1:]]
        self.assertEqual(lines[0], ["feature", "value", "adds"])
        for name, value, adds in lines[1:-1]:
            self.assertAlmostEqual(float(value), one["features"][name], 3)
            self.assertAlmostEqual(float(adds), one["contributions"][name], 2)
        self.assertEqual(lines[-1][0], "constant")
        self.assertNotIn("feature ", self.predict(self.config))

    def test_it_sorts(self):
        for key in ("steps", "seconds"):
            values = [one[{"steps": "t_star"}.get(key, key)] for one in
                      self.predictions(self.config, "--sort", key)]
            self.assertEqual(values, sorted(values))

    def test_keys_are_enough(self):
        one, = self.predictions(
            "grid.models=[{family: mlp, sample: published}]",
            "grid.datasets=[mnist]", "grid.learning_rate=[1e-3]",
            "grid.batch_size=[16]", "grid.epsilon=[0.2]")
        self.assertEqual(one["batch_size"], 16)

    def test_trials_on_the_command_line_count(self):
        self.assertEqual(
            len(self.predictions(self.config, "grid.trials=2")), 24)

    def test_extrapolation_is_named(self):
        for one in self.predictions(self.config, "grid.learning_rate=[1e-2]"):
            self.assertIn("log_lr", one["extrapolated"])
        self.predict(self.config, "grid.learning_rate=[1e-2]",
                     says=["log_lr", "it extrapolates"])

    def test_a_network_that_fails_is_named_and_the_others_predicted(self):
        printed = self.predict(self.config, "--json", "workers.per_rank=1",
                               code=3, says="signal 11", fake="crash@2",
                               once=True)
        answer = json.loads(printed)
        self.assertEqual(len(answer["failed"]), 1)
        self.assertEqual(len(answer["predictions"]), 9)

    def test_a_trainer_that_does_not_start_is_an_error(self):
        self.predict(self.config, code=2, fake="exit_at_start",
                     says=["does not start", "cannot load its libraries"])

    def test_bad_input_is_refused(self):
        self.predict(code=2, says="which networks?")
        self.predict(self.config, self.config, code=2, says="not two")
        self.predict(self.config, "--sort", "name", code=2, says="--sort")
        self.predict(self.config, "grid.trails=2", code=2, says="trials")
        self.predict(self.config, "--steps", "4", code=2, says="--steps")
        self.predict(self.folder / "none.yaml", code=2, says="none.yaml")

    def test_a_model_that_knows_no_first_steps_cannot_use_them(self):
        (self.model / "first_steps_8.json").unlink()
        self.predict(self.config, "--steps", "8", code=2,
                     says="first_steps_8.json is missing, a part of the model")
        name_no_general_models(self.model)
        self.predict(self.config, "--steps", "8", code=2,
                     says="no first_steps_8.json")

    def test_a_model_that_is_none_is_refused(self):
        description = json.loads((self.model / "cape.json").read_text())
        description["schema_version"] += 1
        (self.model / "cape.json").write_text(json.dumps(description))
        self.predict(self.config, code=2, says="use a newer one")
        (self.model / "cape.json").write_text("{")
        self.predict(self.config, code=2, says="cape.json: damaged")
        (self.model / "cape.json").unlink()
        self.predict(self.config, code=2, says="there is no cape.json")
        shutil.rmtree(self.model)
        self.predict(self.config, code=2, says="there is no such folder")


@unittest.skipUnless((DATA / "fashion-mnist").exists()
                     and (BIN / "cape_trainer").exists(),
                     "needs dataset-fashion-mnist and cape_trainer")
class WithRealTrainer(PredictTest):
    trainer = "cape_trainer"
    config_text = PredictTest.config_text.replace("mnist", "fashion_mnist")

    def make_data(self):
        self.data = DATA

    def test_it_predicts_what_the_fit_did_and_measures_the_farms_rows(self):
        self.expect_what_was_fitted()
        rows = self.fitted()
        for one in self.predictions(self.config, "--measure"):
            row = rows[one["trajectory"], one["epsilon"]]
            self.assertEqual(one["measured"]["t_star"], int(row["t_star"]))

    def test_first_steps_are_those_of_the_training(self):
        shutil.rmtree(self.model)
        shutil.copytree(ROOT / "data" / "model" / "batch_steps", self.model)
        for steps in (8, 32):
            arguments = [self.config, "--steps", str(steps),
                         "grid.learning_rate=[2e-4, 2e-3]"]
            models = set()
            for one, trained in zip(self.predictions(*arguments),
                                    self.predictions(*arguments, "--measure")):
                true = trained["measured"]["t_star"]
                models.add(one["model"])
                if true <= steps:
                    self.assertEqual(one["model"], "trained")
                    self.assertEqual(one["t_star"], true)
                    self.assertEqual(one["interval"], [true, true])
                    self.assertEqual(one["features"], {})
                else:
                    self.assertEqual(one["model"], "first steps")
                    self.assertLess(one["features"][f"log_loss_{steps}"], 0)
                    self.assertGreater(one["convergence"], 0.5)
                    self.assertGreater(one["interval"][0], steps)
                    self.assertLess(abs(math.log(one["t_star"] / true)), 1)
                    self.assertAlmostEqual(one["t_star"], trained["t_star"],
                                           delta=1e-3 * one["t_star"])
            self.assertEqual(models, {"trained", "first steps"})
            table = self.predict(*arguments)
            self.assertIn(f"\n{steps} steps  ", table)
            self.assertIn("exact     where the steps", table)
        # As directories had it before there were models of 32 steps.
        arguments[2] = "8"
        expected = self.predictions(*arguments)
        packed = self.model / "first_steps_8.json.gz"
        model = gzip.decompress(packed.read_bytes()).decode()
        (self.model / "first_steps.json").write_text(model.replace(
            '"first 8 steps"', '"first steps"', 1))
        packed.unlink()
        name_no_general_models(self.model)
        for one, same in zip(self.predictions(*arguments), expected,
                             strict=True):
            self.assertEqual(one["t_star"], same["t_star"])
        # A file in the place of another is named.
        (self.model / "first_steps_32.json.gz").rename(packed)
        self.predict(*arguments, code=2, says=f"{packed}: this is a model of the "
                     'features "first 32 steps"')


if __name__ == "__main__":
    support.main()
