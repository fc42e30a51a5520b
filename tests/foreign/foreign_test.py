"""The networks that predictors are judged on: what is committed belongs
together, and nothing is ever fitted on it."""

import collections
import json
import pathlib
import re
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FILES = sorted((HERE / "networks").glob("*.pt"))
GROUPS = {"grey": ["mnist", "fashion_mnist"], "colour": ["svhn"],
          "text": ["imdb"], "tokens": ["imdb_tokens"]}


class Foreign(unittest.TestCase):
    def test_there_are_enough_networks_in_small_files(self):
        self.assertGreaterEqual(len(FILES), 16)
        self.assertLess(sum(file.stat().st_size for file in FILES), 6e6)

    def test_the_configurations_name_every_network_once(self):
        for group in GROUPS:
            named = re.findall(r"file: (networks/[\w.]+)",
                               (HERE / f"{group}.yaml").read_text())
            there = [f"networks/{file.name}" for file in FILES
                     if file.name.startswith(f"{group}_")]
            self.assertEqual(sorted(named), there)

    def test_the_rows_are_those_of_the_files(self):
        try:
            import h5py
        except ImportError:
            self.skipTest("there is no h5py")
        with h5py.File(HERE / "foreign.h5") as file:
            rows = file["trials"][:]
        measured = collections.defaultdict(set)
        for row in rows:
            self.assertEqual(row["family"], b"torchscript")
            size = json.loads(row["architecture_json"])["bytes"]
            measured[size].add(row["dataset"].decode())
        expected = collections.defaultdict(set)
        for file in FILES:
            expected[file.stat().st_size].update(
                GROUPS[file.name.partition("_")[0]])
        self.assertEqual(measured, expected)
        self.assertEqual(len(rows), 504 + 360 + 180 + 180)

    def test_nothing_is_fitted_on_them(self):
        folders = [ROOT / name for name in ("configs", "scripts", "data",
                                            "slurm")]
        for folder in folders:
            for file in folder.rglob("*"):
                if file.suffix in (".yaml", ".sh", ".py", ".sbatch", ".tsv"):
                    self.assertNotRegex(file.read_text(),
                                        r"tests/foreign|foreign\.h5|\bforeign_",
                                        str(file))
        self.assertEqual(list((ROOT / "data").rglob("foreign*")), [])

    def test_no_row_that_is_fitted_is_of_their_files(self):
        try:
            import h5py
        except ImportError:
            self.skipTest("there is no h5py")

        def fingerprints(shard):
            with h5py.File(shard) as file:
                rows = file["trials"][:]
            return {json.loads(text)["fingerprint"] for text in set(
                rows["architecture_json"][rows["family"] == b"torchscript"])}

        judged = fingerprints(HERE / "foreign.h5")
        self.assertEqual(len(judged), len(FILES))
        fitted = set()
        for shard in (ROOT / "data").rglob("*.h5"):
            fitted |= fingerprints(shard)
        self.assertTrue(fitted)
        self.assertFalse(fitted & judged)


if __name__ == "__main__":
    unittest.main()
