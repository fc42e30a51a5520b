"""Holds cape_fit to XGBoost's and scikit-learn's own Python packages.

Usage: test_cape_fit.py CAPE_FIT FIXTURES PREDICTOR_MD
"""

import json
import pathlib
import re
import sys
import tempfile
import unittest

import h5py
import numpy
import pandas
import sklearn.metrics
import xgboost

import regressors
from regressors import FEATURES, cape_fit

FIXTURES, PREDICTOR_MD = sys.argv[2:4]
INPUTS = [f"{FIXTURES}/published_mlp.csv", f"{FIXTURES}/published_cnn.csv"]


def scores(measured, predicted):
    error = numpy.abs(predicted - measured)
    accuracy = 1 - error / numpy.maximum(measured, 1)
    return {
        "mae": sklearn.metrics.mean_absolute_error(measured, predicted),
        "rmse": sklearn.metrics.root_mean_squared_error(measured, predicted),
        "median_ae": sklearn.metrics.median_absolute_error(measured, predicted),
        "r2": sklearn.metrics.r2_score(measured, predicted),
        "avg_accuracy": accuracy.clip(0, 1).mean(),
        "rows": len(measured),
    }


def run_documented_lines(model):
    """The variables of the lines in the page, run on a model directory."""
    lines = re.search(
        r"```python\n(.*?)```", pathlib.Path(PREDICTOR_MD).read_text(), re.S
    ).group(1)
    names = {}
    exec(lines.replace('"model/', f'"{model}/'), names)
    return names


class ModelDirectory:
    """What holds for the model of either feature set."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.model = pathlib.Path(cls.folder.name, "model")
        cls.finished = cape_fit(
            *INPUTS, "--features", cls.features, "--out", cls.model
        )
        assert cls.finished.returncode == 0, cls.finished.stderr
        cls.table = pandas.read_csv(cls.model / "tables" / "predictions.csv")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_model_loads_with_its_feature_names(self):
        booster = xgboost.Booster(model_file=self.model / "model.json")
        cape = json.loads((self.model / "cape.json").read_text())
        self.assertEqual(booster.feature_names, cape["features"])
        papers = [name for name in FEATURES
                  if cape["feature_set"] == "paper" or name != "log_n"]
        self.assertEqual(booster.feature_names[:len(papers)], papers)
        self.assertEqual(
            booster.num_boosted_rounds(), cape["settings"]["trees"]
        )

    def test_documented_lines_predict_what_cape_fit_does(self):
        names = run_documented_lines(self.model)
        self.assertEqual(len(names["steps"]), 120)
        # float32 has 6e-8; steps are the exponential of a sum of trees.
        numpy.testing.assert_allclose(
            names["steps"], self.table.fitted, rtol=1e-6
        )

    def test_contributions_add_up_to_the_predictions(self):
        shares = pandas.read_csv(self.model / "tables" / "contributions.csv")
        shares = shares[[*self.columns(), "constant"]].sum(axis=1)
        numpy.testing.assert_allclose(
            numpy.exp(shares).clip(1, 5000), self.table.fitted, rtol=1e-4
        )

    def columns(self):
        return json.loads((self.model / "cape.json").read_text())["features"]

    def test_metrics_are_those_of_scikit_learn(self):
        groups = json.loads((self.model / "metrics.json").read_text())
        groups = groups["kfold"][self.name]
        self.assertEqual(len(groups), 17)
        for name, metrics in groups.items():
            rows = self.table
            if name != "overall":
                column, value = name.split("=")
                kind = type(rows[column].iloc[0])
                rows = rows[rows[column] == kind(value)]
            expected = scores(rows.t_star.to_numpy(), rows.predicted.to_numpy())
            self.assertEqual(metrics.keys(), expected.keys())
            for metric, value in expected.items():
                self.assertAlmostEqual(
                    metrics[metric], value, delta=1e-9, msg=f"{name} {metric}"
                )

    def test_metrics_csv_has_the_numbers_of_metrics_json(self):
        schemes = json.loads((self.model / "metrics.json").read_text())
        table = pandas.read_csv(self.model / "tables" / "metrics.csv")
        self.assertEqual(
            len(table),
            sum(len(m) for models in schemes.values() for m in models.values()),
        )
        for row in table.itertuples():
            metrics = schemes[row.scheme][row.model][row.group]
            self.assertEqual(row.mae, metrics["mae"])
            self.assertEqual(row.r2, metrics["r2"])

    def test_ranges_are_those_of_the_rows(self):
        cape = json.loads((self.model / "cape.json").read_text())
        parts = {None: cape["ranges"]["overall"], **cape["ranges"]["families"]}
        self.assertEqual(len(parts), 3)
        for family, ranges in parts.items():
            self.assertEqual(list(ranges), cape["features"])
            rows = self.table
            if family:
                rows = rows[rows.family == family]
            for feature, (least, greatest) in ranges.items():
                values = rows[feature].astype("float32")
                if least is None:  # the family has none
                    self.assertTrue(values.isna().all())
                    continue
                self.assertAlmostEqual(least, values.min(), places=5)
                self.assertAlmostEqual(greatest, values.max(), places=5)

    def test_published_steps_count_from_zero(self):
        published = pandas.concat(map(pandas.read_csv, INPUTS))
        self.assertEqual(
            sorted(self.table.t_star), sorted(published.T_star - 1)
        )

    def test_output_says_where_the_files_are(self):
        for name in ("model.json", "metrics.json", "report.html"):
            self.assertIn(str(self.model / name), self.finished.stdout)


class PaperModel(ModelDirectory, unittest.TestCase):
    features = "paper"
    name = "xgboost_paper"

    def test_settings_are_the_papers(self):
        """The same settings in Python's xgboost give nearly the same errors."""
        table = self.table[self.table.fold != 0]
        held_out = self.table[self.table.fold == 0]
        model = xgboost.XGBRegressor(
            n_estimators=200, max_depth=4, learning_rate=0.05, subsample=0.9,
            colsample_bytree=0.9, reg_lambda=1, reg_alpha=0, random_state=42,
            tree_method="hist",
        )
        model.fit(table[FEATURES], numpy.log(table.t_star))
        predicted = numpy.exp(model.predict(held_out[FEATURES])).clip(1, 5000)
        gap = numpy.abs(numpy.log(predicted / held_out.predicted))
        # Other random rows and columns a tree, not another model.
        self.assertLess(gap.median(), 0.1)


class ExtendedModel(ModelDirectory, unittest.TestCase):
    features = "extended"
    name = "blend_extended"

    def test_features_are_the_papers_and_those_that_the_rows_tell_apart(self):
        columns = self.columns()
        self.assertIn("log_log_epsilon", columns)
        self.assertIn("is_vgg_lite", columns)
        self.assertNotIn("is_gru", columns)  # no row is of one


class Blend(unittest.TestCase):
    """Trees and a perceptron, on rows that have probes in training mode."""

    @classmethod
    def setUpClass(cls):
        inputs = [pathlib.Path(FIXTURES, "../../data/rnn.h5"), INPUTS[0]]
        cls.folder = tempfile.TemporaryDirectory()
        cls.models = []
        for files in (inputs, inputs[::-1]):
            model = pathlib.Path(cls.folder.name, f"model{len(cls.models)}")
            run = cape_fit(*files, "--folds", "2", "--out", model)
            assert run.returncode == 0, run.stderr
            cls.models.append(model)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_the_order_of_the_inputs_does_not_matter(self):
        first, second = (
            [(model / name).read_bytes() for name in
             ("model.json", "perceptron.json", "metrics.json")]
            for model in self.models)
        self.assertEqual(first, second)

    def test_documented_lines_predict_what_cape_fit_does(self):
        model = self.models[0]
        cape = json.loads((model / "cape.json").read_text())
        self.assertIs(cape["perceptron"], True)
        names = run_documented_lines(model)
        table = pandas.read_csv(model / "tables" / "predictions.csv")
        shares = pandas.read_csv(model / "tables" / "contributions.csv")
        # The perceptron adds up to 128 products in float32.
        numpy.testing.assert_allclose(names["steps"], table.fitted, rtol=1e-5)
        trees = names["booster"].predict(
            xgboost.DMatrix(names["x"], base_margin=names["margin"]),
            output_margin=True)
        self.assertGreater(
            numpy.abs(trees - names["log_t_star"]).max(), 0.01)
        shares = shares[[*cape["features"], "constant"]].sum(axis=1)
        numpy.testing.assert_allclose(
            numpy.exp(shares).clip(1, 5000), table.fitted, rtol=1e-4)


class Regressors(regressors.RegressorTest):
    """The same regressors in scikit-learn, on the same folds."""

    def test_linear_models_and_svr_are_scikit_learns(self):
        for path in INPUTS:
            self.expect_same_errors(self.fit(path))


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def refused(self, *arguments):
        run = cape_fit(*arguments)
        self.assertEqual(run.returncode, 2, run.stderr)
        self.assertNotIn("Traceback", run.stderr)
        return run.stderr

    def test_refuses_a_newer_format(self):
        shard = self.folder / "all.h5"
        run = cape_fit(
            *INPUTS, "--export-shard", shard, "--out", self.folder / "model"
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        with h5py.File(shard, "r+") as file:
            file.attrs["format_version"] = numpy.int32(99)
        message = self.refused(shard, "--out", self.folder / "other")
        self.assertIn("format_version is 99", message)

    def test_refuses_an_output_that_cannot_be_created(self):
        taken = self.folder / "taken"
        taken.write_text("")
        message = self.refused(*INPUTS, "--out", taken / "model")
        self.assertIn("choose another --out", message)

    def test_refuses_wrong_options(self):
        self.assertIn("--nonsense", self.refused(*INPUTS, "--nonsense"))
        self.assertIn("--folds", self.refused(*INPUTS, "--folds", "1"))
        self.assertIn("INPUT", self.refused())

    def test_damaged_shard_beside_good_input_is_a_warning(self):
        damaged = self.folder / "damaged.h5"
        damaged.write_bytes(b"\x89HDF\r\n\x1a\n")
        run = cape_fit(*INPUTS, damaged, "--out", self.folder / "model")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("left alone", run.stderr)
        self.assertIn("damaged.h5", run.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
