"""Holds cape_fit's regressors on published rows to scikit-learn's; exit code 77
where CAPE_REFERENCE_DIR does not name those rows.

Usage: test_published_rows.py CAPE_FIT
"""

import os
import pathlib
import sys
import tempfile
import unittest

import pandas
from sklearn.ensemble import RandomForestRegressor
from sklearn.neural_network import MLPRegressor

import regressors

MLP = pathlib.Path(
    os.environ.get("CAPE_REFERENCE_DIR", ""), "meta_dataset_mlp.csv"
)


class PublishedRows(regressors.RegressorTest):
    def test_mlps_are_predicted_as_by_scikit_learn(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name, "mlp.csv")
        pandas.read_csv(MLP)[::3].to_csv(path, index=False)
        errors = self.fit(path)
        self.expect_same_errors(errors)
        # Other random rows a tree, and features cut into 256 bins.
        forest = RandomForestRegressor(
            n_estimators=300, max_depth=12, random_state=42, n_jobs=-1
        )
        expected = self.error_of(forest)
        self.assertLess(
            abs(errors["random_forest_paper"] / expected - 1), 0.03
        )
        # Other random weights: as good, or better.
        perceptron = MLPRegressor(
            hidden_layer_sizes=(256, 128), max_iter=500, early_stopping=True,
            random_state=42,
        )
        expected = self.error_of(perceptron)
        self.assertLess(errors["mlp_regressor_paper"], 1.05 * expected)


if __name__ == "__main__":
    if not MLP.is_file():
        print("skipped: CAPE_REFERENCE_DIR does not name the published rows")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
