"""Holds cape_fit's figures for the published file of whole trainings to
scikit-learn's; exit code 77 where CAPE_REFERENCE_DIR does not name that file.

Usage: test_published_epochs.py CAPE_FIT
"""

import json
import os
import pathlib
import sys
import tempfile
import unittest

import numpy
import pandas
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from regressors import cape_fit

EPOCHS = pathlib.Path(
    os.environ.get("CAPE_REFERENCE_DIR", ""), "published_epochs.csv"
)


def shuffled(rows, seed):
    parts = numpy.zeros(len(rows), int)
    folds = KFold(5, shuffle=True, random_state=seed).split(parts)
    for part, (_, held_out) in enumerate(folds):
        parts[held_out] = part
    return parts


def predict(model, x, y, parts):
    predicted = numpy.zeros(len(y))
    for part in numpy.unique(parts):
        model.fit(x[parts != part], y[parts != part])
        predicted[parts == part] = model.predict(x[parts == part])
    return predicted


class PublishedEpochs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder, "out")
            run = cape_fit(EPOCHS, "--out", out)
            assert run.returncode == 0, run.stderr
            cls.metrics = json.loads((out / "metrics.json").read_text())
            cls.table = pandas.read_csv(out / "tables" / "epochs.csv")
        rows = pandas.read_csv(EPOCHS)
        cls.rows = rows[~rows.model.isin(["ViT", "vgg16"])]
        cls.t = cls.rows.T_conv.to_numpy(float)

    def expect(self, scheme, model, predicted, tolerance):
        ours = self.metrics[scheme][model]["overall"]
        error = predicted - self.t
        expected = {
            "mae": numpy.abs(error).mean(),
            "rmse": numpy.sqrt((error**2).mean()),
            "r": numpy.corrcoef(predicted, self.t)[0, 1],
        }
        for metric, value in expected.items():
            self.assertLess(
                abs(ours[metric] / value - 1), tolerance, f"{scheme} {metric}"
            )

    def test_the_forest_is_as_good_as_scikit_learns(self):
        features = self.rows.drop(columns=["T_conv", "val_loss_prefix"])
        x = pandas.get_dummies(features).to_numpy(float)
        forest = RandomForestRegressor(500, random_state=42, n_jobs=-1)
        for scheme, parts in {
            "kfold": shuffled(self.rows, 42),
            "leave_one_dataset_out": self.rows.dataset.to_numpy(),
            "leave_one_model_out": self.rows.model.to_numpy(),
        }.items():
            # Other random rows a tree, and drawn without replacement.
            self.expect(
                scheme, "random_forest", predict(forest, x, self.t, parts), 0.03
            )

    def test_the_scaling_law_is_scikit_learns_ridge_regression(self):
        x = numpy.log10(self.rows[["param_count", "dataset_size"]]).to_numpy()
        ridge = make_pipeline(StandardScaler(), Ridge(alpha=1))
        predicted = numpy.exp(
            predict(ridge, x, numpy.log(self.t), shuffled(self.rows, 42))
        )
        self.expect("kfold", "scaling_law", predicted, 1e-4)

    def test_other_shuffles_say_the_same(self):
        # One shuffle differs from another by up to 0.3 epochs, so the mean of
        # five by half of that.
        for model, most in {
            "random_forest": 5.0,
            "boosted_trees": 4.3,
            "forest_and_boosted_trees": 4.4,
        }.items():
            overall = self.metrics["repeated_kfold"][model]["overall"]
            self.assertEqual(overall["rows"], 5 * len(self.t))
            self.assertLess(overall["mae"], most, model)

    def test_the_table_has_the_numbers_of_metrics_json(self):
        for row in self.table[self.table.model != "published"].itertuples():
            overall = self.metrics[row.scheme][row.model]["overall"]
            self.assertEqual(row.mae, overall["mae"])
            self.assertEqual(row.rmse, overall["rmse"])
            self.assertLess(row.mae_low, row.mae)
            self.assertGreater(row.mae_high, row.mae)


if __name__ == "__main__":
    if not EPOCHS.is_file():
        print("skipped: CAPE_REFERENCE_DIR does not name the published file")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
