"""cape.read and cape.curves agree with the programs' reader."""

import csv
import io
import math
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import warnings
from unittest import mock

import support

if support.has("torch"):
    import cape

if support.has("h5py") and support.has("numpy"):
    import h5py
    import numpy

FIXTURES = support.ROOT / "tests" / "fixtures"


@support.needs_torch
@support.needs_pandas
class Shards(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def copy(self, name, to=None):
        return pathlib.Path(shutil.copy(FIXTURES / name,
                                        self.folder / (to or name)))

    def change(self, path, change):
        """Lets `change` alter the rows of a shard."""
        with h5py.File(path, "r+") as file:
            rows = file["trials"][:]
            change(rows)
            file["trials"][:] = rows
        return path

    def merged(self, *paths):
        """The table that cape_fit makes of them."""
        table = self.folder / "merged.csv"
        done = subprocess.run(
            [support.find_program("cape_fit"), *paths, "--export-only",
             "--export-csv", table], capture_output=True, text=True,
            cwd=self.folder)
        self.assertTrue(table.exists(), done.stdout + done.stderr)
        return list(csv.DictReader(io.StringIO(table.read_text())))

    def assert_same(self, table, rows):
        self.assertEqual(len(table), len(rows))
        for i, row in enumerate(rows):
            for name in table.columns.intersection(row.keys()):
                ours, theirs = table[name][i], row[name]
                if isinstance(ours, str):
                    self.assertEqual(ours, theirs, name)
                elif theirs in ("True", "False", ""):
                    self.assertTrue(math.isnan(ours) if theirs == ""
                                    else ours == (theirs == "True"), name)
                else:
                    self.assertEqual(float(ours), float(theirs), name)
        self.assertGreater(len(table.columns.intersection(rows[0].keys())), 30)

    def test_what_is_no_path_is_refused(self):
        for paths in (3, [3]):
            with self.assertRaisesRegex(cape.CapeError, r"found \[?3"):
                cape.read(paths)

    def test_a_tilde_is_the_home(self):
        path = self.copy("schema_7.h5")
        with mock.patch.dict(os.environ, {"HOME": str(self.folder)}):
            for name in (f"~/{path.name}", pathlib.Path("~") / path.name,
                         "~/*.h5"):
                self.assertEqual(len(cape.read(name)), len(cape.read(path)))

    @support.needs_program("cape_fit")
    def test_rows_of_all_versions_are_those_of_the_program(self):
        shards = [self.copy(f"schema_{version}.h5")
                  for version in (4, 5, 6, 7)]
        for chosen in ([shards[0]], [shards[3]], shards):
            self.assert_same(cape.read(chosen), self.merged(*chosen))

    @support.needs_program("cape_fit")
    def test_of_rows_with_one_key_the_same_stays(self):
        first, second = self.copy("schema_7.h5"), self.copy("schema_7.h5",
                                                            "other.h5")
        self.assertEqual(len(cape.read([first, second])),
                         len(cape.read(first)))

        def contradict(rows):
            rows["t_star"][::2] += 300
            rows["final_loss"][1::2] -= 0.25

        self.change(second, contradict)
        with self.assertWarnsRegex(UserWarning, "differ"):
            table = cape.read([first, second])
        self.assert_same(table, self.merged(first, second))

        def probe_again(rows):
            rows["probe_version"] += 1
            rows["log_g2"] += 1

        self.copy("schema_7.h5", "other.h5")
        self.change(second, probe_again)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # that is no conflict
            table = cape.read([first, second])
        self.assert_same(table, self.merged(first, second))
        self.assert_same(table, self.merged(second))

    def test_a_shard_with_damaged_rows_is_left_out(self):
        whole, damaged = self.copy("schema_7.h5"), self.copy("schema_7.h5",
                                                             "damaged.h5")
        with h5py.File(damaged) as file:
            place = file["trials"].id.get_chunk_info(0).byte_offset
        with open(damaged, "r+b") as file:
            file.seek(place + 8)
            file.write(bytes(range(64)))
        for read in (cape.read, cape.curves):
            expected = len(read(whole))
            with self.assertWarnsRegex(UserWarning, "damaged.h5 is left out"):
                self.assertEqual(len(read([whole, damaged])), expected)
        with self.assertRaisesRegex(cape.CapeError, "none of the shards"):
            cape.read(damaged)

    def test_shards_are_named_by_folders_patterns_and_lists(self):
        first, second = self.copy("schema_6.h5"), self.copy("schema_7.h5")
        both = cape.read([first, second])
        self.assertGreater(len(both), len(cape.read(second)))
        for paths in (self.folder, str(self.folder / "*.h5"),
                      [str(first), self.folder]):
            self.assertEqual(len(cape.read(paths)), len(both))
        for none in (self.folder / "none.h5", str(self.folder / "x*.h5"), []):
            with self.assertRaises(cape.CapeError):
                cape.read(none)

    def test_what_cannot_be_read_is_named_and_left_out(self):
        good = self.copy("schema_7.h5")
        for name, content in [("text.h5", b"rows"), ("cut.h5", None)]:
            bad = self.folder / name
            bad.write_bytes(good.read_bytes()[:900] if content is None
                            else content)
            with self.assertWarnsRegex(UserWarning, name):
                self.assertEqual(len(cape.read([bad, good])),
                                 len(cape.read(good)))
            with self.assertRaises(cape.CapeError), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                cape.read(bad)
            bad.unlink()
        newer = self.copy("schema_7.h5", "newer.h5")
        with h5py.File(newer, "r+") as file:
            file.attrs["format_version"] = 2
        with self.assertWarnsRegex(UserWarning, "its format is 2"):
            cape.read([newer, good])

    def test_curves_are_those_of_the_rows(self):
        for version in (6, 7):
            shard = self.copy(f"schema_{version}.h5")
            curves = cape.curves(shard)
            with h5py.File(shard) as file:
                losses = file["curves/loss"][:]
                for row in file["trials"][:]:
                    first, count = row["curve_offset"], row["curve_length"]
                    mine = curves[(curves.trajectory ==
                                   row["trajectory"].decode()) &
                                  (curves.part == "training")]
                    self.assertEqual(len(mine), count)
                    self.assertTrue(numpy.array_equal(
                        mine.loss, losses[first:first + count],
                        equal_nan=True))
                    self.assertEqual(list(mine.step[:2]), [0, 1][:count])
        whole = curves[curves.part == "validation"]
        self.assertTrue((whole.step > 0).all())
        # A shard that is there twice adds nothing.
        again = self.copy("schema_7.h5", "again.h5")
        self.assertEqual(len(cape.curves([shard, again])), len(curves))


if __name__ == "__main__":
    unittest.main()
