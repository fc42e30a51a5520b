"""cape.predict: what it asks the program, and what it makes of the answer."""

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import warnings
from unittest import mock

import support

if support.has("torch"):
    import numpy
    import torch

    import cape
    from cape import programs


@support.needs_torch
class Predict(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(2)
        self.net = torch.nn.Sequential(torch.nn.Linear(6, 20),
                                       torch.nn.ReLU(), torch.nn.Linear(20, 3))
        self.x, self.y = torch.randn(16, 6), torch.arange(16) % 3

    def probe(self, **options):
        return cape.probe(self.net, self.x, self.y,
                          **{"learning_rate": 1e-2} | options)

    def rows(self, *arguments, **options):
        return cape.predict(*arguments, frame=False, **options)

    @support.needs_program("cape_predict")
    def test_a_probe_and_its_module_have_the_same_answer(self):
        ours = self.rows(self.probe(), epsilon=[0.1, 0.3])
        theirs = self.rows(self.net, self.x, self.y, learning_rate=1e-2,
                           epsilon=[0.1, 0.3])
        self.assertEqual([row["epsilon"] for row in ours], [0.1, 0.3])
        self.assertGreater(ours[0]["t_star"], ours[1]["t_star"])
        for a, b in zip(ours, theirs):
            for key, value in a.items():
                if not key.endswith("seconds"):
                    self.assertEqual(value, b[key])
            self.assertAlmostEqual(a["seconds"],
                                   a["t_star"] * a["step_seconds"])
            self.assertIn("kind of network", a["beyond"])

    @support.needs_program("cape_predict")
    def test_the_answer_is_the_programs(self):
        probe = self.probe(name="mine", dataset="mnist")
        line = json.dumps({key: None if value != value else value
                           for key, value in probe.items()} |
                          {"epsilon": 0.2})
        done = subprocess.run([programs.find_program("cape_predict"),
                               "--probed", "-", "--json"], input=line,
                              capture_output=True, text=True, check=True)
        expected, = json.loads(done.stdout)["predictions"]
        row, = self.rows([probe], epsilon=0.2)
        self.assertEqual(row["t_star"], expected["t_star"])
        self.assertEqual([row["lower"], row["upper"]], expected["interval"])
        self.assertEqual(row["architecture"], "mine")
        self.assertIn("kind of network", row["beyond"])
        self.assertNotIn("source of data", row["beyond"])  # it knows mnist
        self.assertEqual(done.stderr, "")

    @support.needs_program("cape_predict")
    def test_first_steps_that_reach_the_threshold_are_exact(self):
        probe = self.probe(steps=8, learning_rate=0.05)
        losses = probe["first_losses"]
        epsilon = (losses[3] + losses[4]) / 2 / losses[0]
        row, = self.rows(probe, epsilon=epsilon)
        self.assertEqual(row["model"], "trained")
        self.assertEqual(row["t_star"], 4)
        row, = self.rows(probe, epsilon=1e-3)
        self.assertEqual(row["model"], "first steps")
        self.assertTrue(0 < row["convergence"] <= 1)
        more = self.probe(steps=32, learning_rate=0.005)
        self.assertEqual(more["first_losses"][:2], self.probe(
            steps=8, learning_rate=0.005)["first_losses"][:2])
        row, = self.rows(more, epsilon=1e-3)
        self.assertEqual(row["model"], "first steps")
        self.assertGreater(row["lower"], 32)
        for other in (self.probe(), more):
            with self.assertRaisesRegex(cape.CapeError, "different `steps`"):
                self.rows([probe, other])
        # It diverges, but not within 8 steps.
        more["first_losses"][12:] = [math.inf]
        row, = self.rows(more, epsilon=1e-3)
        self.assertEqual((row["model"], row["convergence"]), ("trained", 0))
        with self.assertRaisesRegex(cape.CapeError, "different `steps`"):
            self.rows([probe, more])

    @support.needs_pandas
    @support.needs_program("cape_predict")
    def test_a_table_has_a_row_for_each_probe_and_epsilon(self):
        table = cape.predict(self.net, self.x, self.y, epsilon=(0.1, 0.2),
                             learning_rate=[1e-3, 1e-2, 3e-2])
        self.assertEqual(table.shape, (6, 12))
        self.assertEqual(list(table.epsilon[:2]), [0.1, 0.2])
        self.assertEqual(list(table.learning_rate[::2]), [1e-3, 1e-2, 3e-2])

    @support.needs_program("cape_predict")
    def test_without_pandas_there_are_dicts(self):
        with mock.patch.dict(sys.modules, {"pandas": None}):
            row, = cape.predict(self.probe())
            self.assertIsInstance(row, dict)
            with self.assertRaisesRegex(cape.CapeError, "pip install pandas"):
                cape.predict(self.probe(), frame=True)

    @support.needs_program("cape_predict")
    def test_numbers_can_be_tensors_and_of_numpy(self):
        plain = self.rows(self.net, self.x, self.y, learning_rate=[1e-3, 1e-2],
                          epsilon=[0.25, 0.5])
        for kind in (numpy.array, torch.tensor):
            rows = self.rows(self.net, self.x, self.y,
                             learning_rate=kind([1e-3, 1e-2]).double()
                             if kind is torch.tensor else kind([1e-3, 1e-2]),
                             epsilon=kind([0.25, 0.5]))
            for a, b in zip(rows, plain, strict=True):
                self.assertLess(abs(a["t_star"] / b["t_star"] - 1), 1e-4)
        probe = self.probe()
        row, = self.rows({key: numpy.asarray(value)[()] for key, value
                          in probe.items()}, epsilon=numpy.float32(0.5))
        same, = self.rows(probe, epsilon=0.5)
        self.assertEqual(row, same)
        training = self.probe(samples=numpy.int64(16), batch_size=8.0,
                              max_epochs=numpy.int32(50))
        rows = self.rows(training, epsilon=None,
                         patience=numpy.array([3, 5]))
        self.assertEqual([row["until"] for row in rows],
                         ["patience 3", "patience 5"])
        row, = self.rows(training, epsilon=None, patience=numpy.int64(3))
        self.assertEqual(row["t_star"], rows[0]["t_star"])

    @support.needs_program("cape_predict")
    def test_warnings_of_the_program_are_passed_on(self):
        probe = self.probe()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.rows(probe)
        del probe["input_rms"]
        says = "^1 of 1 probes do not mention .*input_rms"
        with self.assertWarnsRegex(UserWarning, says) as found:
            cape.predict(probe, frame=False)
        self.assertEqual(found.filename, __file__)

    @support.needs_program("cape_predict")
    def test_errors_have_the_programs_message(self):
        with self.assertRaisesRegex(cape.CapeError,
                                    "epsilon must be between 0 and 1"):
            self.rows(self.probe(), epsilon=2)
        with self.assertRaisesRegex(cape.CapeError, "unknown key 'gain'"):
            self.rows(self.probe() | {"gain": 1})
        with self.assertRaisesRegex(cape.CapeError, "nowhere"):
            self.rows(self.probe(), model_dir="nowhere")
        # What is not finite is missing.
        with self.assertRaisesRegex(cape.CapeError, "log_tau is missing"):
            self.rows(self.probe() | {"log_tau": math.inf})

    def test_wrong_arguments_are_refused(self):
        for arguments, options, says in [
                (({"log_p": 1}, self.x), {}, "without inputs"),
                (({"log_p": 1},), {"learning_rate": 1}, "without inputs"),
                (([],), {}, "at least one"),
                ((["probe"],), {}, "must be dicts"),
                ((self.net, self.x, self.y), {"learning_rate": []}, "empty"),
                ((self.net, self.x, self.y), {"learning_rate": "13"},
                 "learning_rate must be a number .found '13'"),
                ((self.net, self.x, self.y), {"learning_rate": ["abc"]},
                 "learning_rate must be a number .found 'abc'"),
                ((self.net, self.x, self.y), {"learning_rate": {1: 2}},
                 "learning_rate must be a number"),
                (({"log_p": 1},), {"epsilon": None},
                 "epsilon must be a number .found None"),
                (({"log_p": 1},), {"epsilon": "0.1"}, "epsilon must be"),
                (({"log_p": 1},), {"epsilon": ["a"]}, "epsilon must be"),
                (({"target": "full_training"},), {"patience": 0.5},
                 "patience must be a whole number of at least 1 .found 0.5"),
                (({"target": "full_training"},), {"patience": "5"},
                 "patience must be"),
                (({"log_p": object()},), {}, "log_p")]:
            with self.assertRaisesRegex(cape.CapeError, says):
                self.rows(*arguments, **options)


@support.needs_torch
class Programs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def make_program(self, *parts):
        program = self.folder.joinpath(*parts, "cape_predict")
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\necho 'something broke' >&2\nexit 7\n")
        program.chmod(0o755)
        return program

    def find(self, path="", **variables):
        with mock.patch.dict(os.environ, {"PATH": path, **variables}):
            if "CAPE_BIN" not in variables:
                os.environ.pop("CAPE_BIN", None)
            return programs.find_program("cape_predict")

    def test_they_are_found_in_a_folder_that_is_named_a_tree_or_path(self):
        named = self.make_program("named")
        clone = self.make_program("clone", "build", "release", "bin")
        installed = self.make_program("prefix", "bin")
        on_path = self.make_program("path")
        self.assertEqual(self.find(CAPE_BIN=str(named.parent)), named)
        for origin, expected in [
                (self.folder / "clone" / "python", clone),
                (self.folder / "prefix" / "share" / "cape-farm" / "python",
                 installed)]:
            with mock.patch.object(programs, "ORIGIN", str(origin)), \
                    mock.patch.object(programs, "__file__", "/none/cape/a.py"):
                self.assertEqual(self.find(), expected)
        with mock.patch.object(programs, "__file__", "/none/cape/a.py"), \
                mock.patch.object(programs, "ORIGIN", None):
            self.assertEqual(self.find(str(on_path.parent)), on_path)
            with self.assertRaisesRegex(cape.CapeError, "CAPE_BIN"):
                self.find()

    def test_a_program_that_fails_says_why(self):
        broken = self.make_program("broken")
        with mock.patch.dict(os.environ, {"CAPE_BIN": str(broken.parent)}):
            with self.assertRaisesRegex(cape.CapeError, "something broke"):
                cape.predict({"log_p": 1})


if __name__ == "__main__":
    unittest.main()
