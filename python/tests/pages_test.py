"""The code in the pages works as it stands."""

import contextlib
import io
import math
import os
import pathlib
import re
import tempfile
import unittest

import support


def code_of(page):
    text = (support.ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run(blocks, names=None):
    """Runs blocks of code one after the other; the names that they define, and
    what they print."""
    names = {} if names is None else names
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in blocks:
            exec(compile(block, "page", "exec"), names)  # pylint: disable=exec-used
    return names, printed.getvalue()


@support.needs_torch
@support.needs_pandas
@support.needs_program("cape_predict")
class Pages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)

    def assert_table(self, table, rows):
        self.assertEqual(len(table), rows)
        for _, row in table.iterrows():
            self.assertGreaterEqual(row.t_star, row.lower)
            self.assertLessEqual(row.t_star, row.upper)
            self.assertGreaterEqual(row.lower, 1)
            self.assertLessEqual(row.upper, 5000)
            self.assertAlmostEqual(row.seconds / (row.t_star *
                                                  row.step_seconds), 1)

    def test_the_how_to_of_the_package(self):
        blocks = code_of("docs/howto/python.md")
        self.assertEqual(len(blocks), 5)
        names, printed = run(blocks)
        self.assertIn("t_star", printed)
        self.assert_table(names["table"], 4)
        self.assertEqual(list(names["table"].learning_rate),
                         [1e-3, 1e-3, 3e-3, 3e-3])
        self.assert_table(names["better"], 1)
        self.assertIn(names["better"].model[0], ("first steps", "trained"))
        self.assert_table(names["words"], 1)
        self.assertEqual(names["words"].architecture[0], "Language")
        self.assert_table(names["answer"], 1)
        self.assertEqual(list(names["trainings"].until),
                         ["loss 0.3", "patience 5", "patience 10"])
        self.assertIn("epochs_upper", printed)
        probe = names["probe"]
        self.assertEqual(probe["task"], "multilabel")
        self.assertEqual(probe["input_size"], 20)
        self.assertTrue(math.isfinite(probe["log_g2"]))

    def test_the_page_on_own_networks_and_the_read_me(self):
        first, *_ = code_of("README.md")
        names, printed = run([first])
        self.assertLessEqual(len(first.strip().splitlines()), 8)
        self.assert_table(names["table"], 4)
        self.assertIn("t_star", printed)
        ask = code_of("docs/howto/own_network.md")[0]
        _, printed = run([ask], {"net": names["net"],
                                 "inputs": names["inputs"],
                                 "targets": names["targets"]})
        self.assertIn("t_star", printed)

    def test_the_page_on_shards(self):
        runs = self.folder / "runs" / "quickstart"
        runs.mkdir(parents=True)
        shard = support.ROOT / "tests" / "fixtures" / "schema_7.h5"
        (runs / "one.h5").write_bytes(shard.read_bytes())
        with_package, without = code_of("docs/howto/read_shards.md")
        names, _ = run([with_package])
        others, _ = run([without])
        self.assertEqual(sorted(names["trials"].key),
                         sorted(others["trials"].key))
        self.assertGreater(len(names["trials"]), 0)
        self.assertEqual(set(names["curves"].trajectory),
                         set(names["trials"].trajectory))


if __name__ == "__main__":
    unittest.main()
