"""Shards as Python users see them.

Usage: test_shard_python.py WRITE_SAMPLE_SHARD SHARD_FORMAT_MD
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy
import pandas

TOOL, DOCUMENT = sys.argv.pop(1), pathlib.Path(sys.argv.pop(1)).read_text()


class ShardInPython(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = folder.name + "/shard.h5"
        subprocess.run([TOOL, self.path], check=True)
        self.file = h5py.File(self.path)
        self.addCleanup(self.file.close)
        self.table = pandas.DataFrame(self.file["trials"][:])

    def test_trials_are_a_data_frame(self):
        self.assertEqual(len(self.table), 20)
        self.assertEqual(self.table.converged.dtype, numpy.dtype(bool))
        self.assertEqual(self.table.converged.sum(), 15)
        self.assertEqual(self.table.seed.dtype, numpy.uint64)
        self.assertEqual(int(self.table.seed[1]), 0xFEDCBA987654320F)
        self.assertEqual(self.table.t_star[3], 20)

    def test_missing_numbers_stay_nan(self):
        self.assertTrue(numpy.isnan(self.table.log_tau[4]))
        self.assertFalse(numpy.isnan(self.table.log_tau[3]))

    def test_the_documented_lines_decode_strings(self):
        blocks = re.findall("```python\n(.*?)```", DOCUMENT, re.S)
        (lines,) = [block for block in blocks if "decode" in block]
        self.assertEqual(len(lines.splitlines()), 2)
        names = {"table": self.table.copy()}
        exec(lines, names)
        table = names["table"]
        self.assertEqual(table.dataset[1], "fashion_mnist")
        self.assertEqual(
            table.architecture_json[0], '{"family":"mlp","note":"größer, \\"ja\\""}'
        )
        for name in self.table.columns:
            if self.file["trials"].dtype[name].kind == "S":
                self.assertIsInstance(table[name][0], str, name)
            else:
                self.assertEqual(table[name].dtype, self.table[name].dtype)

    def test_columns_describe_the_table_as_the_document_does(self):
        notes = pandas.DataFrame(self.file["columns"][:])
        self.assertEqual(notes.volatile.dtype, numpy.dtype(bool))
        self.assertEqual(
            [name.decode() for name in notes.name], list(self.table.columns)
        )
        rows = DOCUMENT.split("| name | type |")[1].splitlines()[2:]
        documented = [
            [cell.strip() for cell in row.strip("|").split("|")]
            for row in rows
            if row.startswith("|")
        ]
        self.assertEqual(
            [[name, unit, volatile == "yes", int(since), text]
             for name, _, unit, volatile, since, text in documented],
            [[note.name.decode(), note.unit.decode(), note.volatile,
              note.since, note.description.decode()]
             for note in notes.itertuples()],
        )

    def test_root_attributes_config_and_curves(self):
        self.assertEqual(self.file.attrs["schema_version"], 9)
        self.assertEqual(self.file.attrs["format_version"], 1)
        self.assertEqual(self.file.attrs["host"], "tüx")
        self.assertEqual(
            self.file["config"].asstr()[()], "name: sample\nseed: 42\n"
        )
        self.assertEqual(self.file["curves/loss"].dtype, numpy.float32)
        self.assertEqual(list(self.file["curves/loss"][:]), [2.5, 1.25])


if __name__ == "__main__":
    unittest.main()
