"""Scikit-learn's regressors on the folds of cape_fit --regressors.

For the tests of this folder, whose first argument is cape_fit.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy
import pandas
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

FEATURES = ["log_p", "log_g2", "log_tau", "log_n", "log_lr", "log_b"]


def cape_fit(*arguments):
    return subprocess.run(
        [sys.argv[1], *map(str, arguments)], capture_output=True, text=True
    )


class RegressorTest(unittest.TestCase):
    SAME = {
        "linear_paper": LinearRegression(),
        "ridge_paper": Ridge(alpha=1),
        "svr_paper": SVR(C=10, epsilon=0.1, gamma="scale"),
    }

    def fit(self, path):
        """The MAE of each of cape_fit's models."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        model = pathlib.Path(folder.name, "model")
        run = cape_fit(
            path, "--regressors", "--features", "paper", "--out", model
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        self.table = pandas.read_csv(model / "tables" / "predictions.csv")
        metrics = json.loads((model / "metrics.json").read_text())["kfold"]
        return {name: metrics[name]["overall"]["mae"] for name in metrics}

    def error_of(self, regressor):
        """The MAE of scikit-learn's regressor by the folds of self.table."""
        errors = []
        for fold in self.table.fold.unique():
            train = self.table[self.table.fold != fold]
            test = self.table[self.table.fold == fold]
            model = make_pipeline(StandardScaler(), regressor)
            model.fit(train[FEATURES], numpy.log(train.t_star))
            steps = numpy.exp(model.predict(test[FEATURES])).clip(1, 5000)
            errors.append(numpy.abs(steps - test.t_star))
        return pandas.concat(errors).mean()

    def expect_same_errors(self, errors):
        for name, regressor in self.SAME.items():
            expected = self.error_of(regressor)
            self.assertLess(abs(errors[name] / expected - 1), 0.002, name)
