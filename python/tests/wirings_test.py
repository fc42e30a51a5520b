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

    import make_networks
    import wirings


@support.needs_torch
class Wirings(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        warnings.simplefilter("ignore")  # of scripts, which PyTorch deprecates

    def make(self, dataset):
        """Every network that fits the data; make() checks what each answers."""
        for kind in dataset.wirings():
            with self.subTest(data=dataset.name, kind=kind):
                path = self.folder / f"{kind}--{dataset.name}.pt"
                make_networks.make(kind, dataset, path)
                first = torch.jit.load(str(path)).state_dict()
                make_networks.make(kind, dataset, path)
                again = torch.jit.load(str(path)).state_dict()
                self.assertEqual(list(first), list(again))
                for name, values in first.items():
                    self.assertTrue(torch.equal(values, again[name]), name)
        return set(dataset.wirings())

    def test_each_fits_data_and_comes_out_the_same_again(self):
        made = set()
        for dataset in (make_networks.DataSet("numbers", "", (5,), 3),
                        make_networks.DataSet("grey", "", (1, 12, 12), 2),
                        make_networks.DataSet("coloured", "", (3, 20, 21), 1),
                        make_networks.DataSet("series", "", (7, 3), 2),
                        make_networks.DataSet("tokens", "", (9,), 4, 11),
                        make_networks.DataSet("letters", "", (9,), 11, 11, True)):
            made |= self.make(dataset)
        self.assertEqual(
            made, set(wirings.VECTORS | wirings.IMAGES | wirings.STEPS))

    @support.needs_program("cape_farm")
    def test_a_farm_takes_what_the_script_makes(self):
        numpy.save(self.folder / "points-x.npy",
                   numpy.random.default_rng(1).normal(size=(300, 6)).astype("f4"))
        numpy.save(self.folder / "points-y.npy", numpy.arange(300) % 3)
        entry = ("{name: points, x: ./points-x.npy, y: ./points-y.npy, "
                 "task: classification, classes: 3, mean: 0, std: 1}")
        judged = entry.replace("points,", "judged,") + "  # for judging only"
        (self.folder / "datasets.yaml").write_text(f"- {entry}\n- {judged}\n")
        networks = self.folder / "networks"
        make_networks.KNOWN, known = {}, make_networks.KNOWN
        self.addCleanup(setattr, make_networks, "KNOWN", known)
        make_networks.main(networks, self.folder, 1)
        self.assertEqual([path.name for path in networks.glob("*.yaml")],
                         ["points.yaml"])
        self.assertEqual(len(list(networks.glob("*--points.pt"))),
                         len(wirings.VECTORS))
        plan = subprocess.run(
            [support.find_program("cape_farm"), networks / "points.yaml", "--plan"],
            capture_output=True, text=True, check=True).stdout
        self.assertRegex(plan, rf"= {len(wirings.VECTORS)} trajectories")


if __name__ == "__main__":
    unittest.main()
