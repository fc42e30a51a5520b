"""The networks of scripts/wirings.py, which predictors are fitted on."""

import pathlib
import subprocess
import sys
import tempfile
import unittest
import warnings

import support

sys.path.insert(0, str(support.ROOT / "scripts"))
if support.has("torch"):
    import numpy
    import torch

    import make_diverse_networks
    import wirings
    from corpus import table
    from make_diverse_networks import DataSet


@support.needs_torch
class Wirings(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        warnings.simplefilter("ignore")  # of scripts, which PyTorch deprecates

    def make(self, dataset):
        """Every network that fits the data, twice. make_diverse_networks.make
        checks its answers and gradients."""
        for kind in dataset.wirings():
            with self.subTest(data=dataset.name, kind=kind):
                weights = []
                for again in ("", "again"):
                    path = self.folder / f"{kind}--{dataset.name}{again}.pt"
                    make_diverse_networks.make(kind, dataset, path)
                    weights.append(torch.jit.load(str(path)).state_dict())
                self.assertEqual(*map(list, weights))
                for name, values in weights[0].items():
                    self.assertTrue(torch.equal(values, weights[1][name]), name)
        return set(dataset.wirings())

    def test_each_fits_data_and_has_the_same_weights_again(self):
        made = set()
        for dataset in (DataSet("numbers", "", (13,), 3),
                        DataSet("high", "", (1, 96, 12), 2),
                        DataSet("coloured", "", (3, 20, 21), 1),
                        DataSet("series", "", (7, 3), 2),
                        DataSet("tokens", "", (9,), 4, vocabulary=11),
                        DataSet("letters", "", (9,), 11, 11, each_step=True)):
            made |= self.make(dataset)
        self.assertEqual(
            made, set(wirings.VECTORS | wirings.IMAGES | wirings.STEPS))

    def test_a_network_that_answers_with_no_number_is_refused(self):
        class Broken(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = torch.nn.Parameter(torch.zeros(1))

            def forward(self, x):
                return self.weight.log() * x

        with self.assertRaisesRegex(SystemExit, "the gradient of weight is"):
            make_diverse_networks.check(
                torch.jit.script(Broken()), DataSet("numbers", "", (3,), 3),
                pathlib.Path("broken.pt"))

    def write_corpus(self):
        """Points to fit on, and points to judge by."""
        rows = []
        for name, role in (("points", "corpus"), ("judged", "held_out"),
                           ("svhn", "corpus"), ("missing", "corpus")):
            x = numpy.random.default_rng(1).normal(size=(300, 6)).astype("f4")
            if name != "missing":
                numpy.save(self.folder / f"{name}-x.npy", x)
                numpy.save(self.folder / f"{name}-y.npy", numpy.arange(300) % 3)
            rows.append(dict.fromkeys(table.COLUMNS, "-") | {
                "name": name, "role": role, "kind": "tabular", "shape": "6",
                "task": "classification", "classes": "3"})
        (self.folder / "datasets.yaml").touch()
        return rows

    @support.needs_program("cape_farm")
    def test_a_farm_takes_what_the_script_makes_of_data_to_fit_on(self):
        networks = self.folder / "networks"
        networks.mkdir()
        (networks / "diverse_networks_old.yaml").touch()
        rows = self.write_corpus()
        make_diverse_networks.main(networks, self.folder, 1, rows)
        configuration = networks / "diverse_networks_points.yaml"
        self.assertEqual(list(networks.glob("*.yaml")), [configuration])
        files = sorted(networks.glob("*.pt"))
        self.assertEqual(len(files), len(wirings.VECTORS))
        self.assertIn(networks / "cape_soft_trees--points.pt", files)
        plan = subprocess.run(
            [support.find_program("cape_farm"), configuration, "--plan"],
            capture_output=True, text=True, check=True).stdout
        self.assertIn(f"= {len(wirings.VECTORS)} trajectories", plan)
        # Rows belong to the files, so these stay.
        first = [path.stat().st_mtime_ns for path in files]
        make_diverse_networks.main(networks, self.folder, 1, rows)
        self.assertEqual([path.stat().st_mtime_ns for path in files], first)

    def test_without_a_corpus_it_says_how_to_build_one(self):
        with self.assertRaisesRegex(SystemExit, "no corpus in .*make_corpus.sh"):
            make_diverse_networks.main(
                self.folder / "networks", self.folder, 1, table.read())


if __name__ == "__main__":
    unittest.main()
