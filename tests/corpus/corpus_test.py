"""The corpus (data/corpus.tsv): its table keeps the rules, its page says the
same, and its arrays, where they have been built, are those of the table."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "scripts"))

from corpus import table  # noqa: E402

FOLDER = ROOT / "runs" / "corpus"
SCRIPT = ROOT / "scripts" / "make_corpus.sh"


class Corpus(unittest.TestCase):
    def setUp(self):
        self.rows = table.read()
        self.built = [row for row in self.rows if row["role"] == "corpus"]
        self.held_out = [row for row in self.rows if row["role"] == "held_out"]

    def test_it_is_broad(self):
        self.assertGreaterEqual(len(self.built), 15)
        self.assertEqual({row["kind"] for row in self.built},
                         set(table.KINDS))
        self.assertEqual({row["task"] for row in self.built},
                         set(table.TASKS))
        self.assertGreaterEqual(len({row["source"] for row in self.built}), 12)

    def test_two_more_data_sets_are_for_judging_only(self):
        self.assertEqual({row["task"] for row in self.held_out},
                         {"regression", "multilabel"})
        fitted = {row["source"] for row in self.rows
                  if row["role"] != "held_out"}
        for row in self.held_out:
            self.assertNotIn(row["source"], fitted)

    def test_each_row_is_complete_and_well_formed(self):
        names = [row["name"] for row in self.rows]
        self.assertEqual(len(names), len(set(names)))
        for row in self.rows:
            with self.subTest(row["name"]):
                self.assertRegex(row["name"], r"^[a-z][a-z0-9_]*$")
                self.assertRegex(row["source"], r"^[a-z][a-z0-9_]*$")
                self.assertIn(row["kind"], table.KINDS)
                self.assertIn(row["role"], table.ROLES)
                self.assertIn(row["task"], table.TASKS)
                self.assertGreater(int(row["samples"]), 128)
                self.assertRegex(row["shape"], r"^\d+(x\d+)*$")
                self.assertEqual(row["classes"] == "-",
                                 row["task"] == "regression")
                self.assertTrue(row["licence"])
                if row["role"] != "known":
                    self.assertRegex(row["sha256"], "^[0-9a-f]{64}$")
                    for spec in row["packages"].split(","):
                        self.assertRegex(spec, r"^(deb|pypi):[\w.-]+=[\w.:+~-]+$")

    def test_no_row_is_of_data_on_which_predictors_are_judged(self):
        for row in self.rows:
            for word in (row["name"], row["source"]):
                self.assertFalse(table.is_refused(word), word)

    def test_the_script_refuses_data_on_which_predictors_are_judged(self):
        for name in ("svhn", "imdb", "kmnist", "KMNIST", "svhn_extra"):
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                run = subprocess.run(
                    [sys.executable, ROOT / "scripts" / "make_corpus.py",
                     f"{folder}/corpus", "--only", name],
                    capture_output=True, text=True)
                self.assertEqual(run.returncode, 2)
                self.assertIn("held out", run.stderr)
                self.assertEqual(os.listdir(folder), [])

    def test_an_unknown_name_is_answered_with_those_there_are(self):
        run = subprocess.run([SCRIPT, "--entries", "corpus", "--only", "spma"],
                             capture_output=True, text=True)
        self.assertEqual(run.returncode, 2)
        self.assertIn("there is no data set spma of the role corpus; there are "
                      "letters", run.stderr)

    def test_it_prints_entries_of_data_that_are_not_built(self):
        run = subprocess.run([SCRIPT, "--entries", "known", "--only", "mnist"],
                             capture_output=True, text=True, check=True)
        self.assertEqual(run.stdout, "    - mnist\n")

    def test_it_prints_entries_for_configurations(self):
        run = subprocess.run([SCRIPT, "--entries", "corpus", "../there"],
                             capture_output=True, text=True, check=True)
        entries = run.stdout.splitlines()
        self.assertEqual(len(entries), len(self.built))
        self.assertIn("    - {name: dna, x: ../there/dna-x.npy, "
                      "y: ../there/dna-y.npy, task: classification, "
                      "classes: 3, mean: 0, std: 1}", entries)
        self.assertIn("    - {name: genders, x: ../there/genders-x.npy, "
                      "y: ../there/genders-y.npy, task: classification, "
                      "classes: 3, input: tokens}", entries)

    def test_the_configurations_have_these_entries(self):
        entries = subprocess.run(
            [SCRIPT, "--entries", "corpus"], capture_output=True, text=True,
            check=True).stdout.splitlines()
        for file in (ROOT / "configs" / "metadataset").glob("*.yaml"):
            for line in file.read_text().splitlines():
                if "runs/corpus" in line and "  - {name: " in line:
                    self.assertIn(line, entries, file.name)

    def test_the_page_has_the_tables(self):
        page = (ROOT / "docs" / "howto" / "corpus.md").read_text()
        abouts = table.abouts()
        for rows in (self.built, self.held_out):
            expected = table.documentation(rows, abouts)
            self.assertIn(expected, page, f"the page needs\n{expected}")

    def test_no_configuration_of_a_fit_names_held_out_data(self):
        held_out = "|".join(row["name"] for row in self.held_out)
        for file in (ROOT / "configs" / "metadataset").glob("*.yaml"):
            if file.name != "heldout.yaml":
                self.assertNotRegex(file.read_text(),
                                    rf"\b({held_out})(-[xy]\.npy)?\b")

    def test_arrays_that_are_there_are_those_of_the_table(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("there is no NumPy")
        there = [row for row in self.built + self.held_out
                 if (FOLDER / f"{row['name']}-x.npy").exists()]
        if not there:
            self.skipTest(f"nothing is in {FOLDER}")
        for row in there:
            with self.subTest(row["name"]):
                x, y = (numpy.load(FOLDER / f"{row['name']}-{part}.npy")
                        for part in "xy")
                for key, value in table.describe(row, x, y).items():
                    self.assertEqual(value, row[key], key)
                self.assertTrue(numpy.isfinite(x).all())
                self.assertEqual(len(x), len(y))


if __name__ == "__main__":
    unittest.main()
