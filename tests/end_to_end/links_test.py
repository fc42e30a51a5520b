"""Each program carries the libraries that it uses, and no others."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

BIN = pathlib.Path(os.environ["CAPE_BIN"])
WITH_MPI = bool(os.environ.get("CAPE_MPIRUN"))

# In the text of the page that cape_fit writes.
VEGA = b"vega-scenegraph"


def libraries(program):
    """The shared libraries that a program asks for by itself."""
    dynamic = subprocess.run(["readelf", "--dynamic", "--wide", BIN / program],
                             check=True, capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.+?)\]", dynamic)


def all_libraries(program):
    """Those, and what they ask for themselves."""
    return subprocess.run(["ldd", BIN / program], check=True,
                          capture_output=True, text=True).stdout.split()


def symbols(program):
    """The functions that are inside of a program."""
    return subprocess.run(["nm", "--demangle", "--defined-only", BIN / program],
                          check=True, capture_output=True, text=True).stdout


def names(libraries, part):
    return [name for name in libraries if part in name]


@unittest.skipUnless(shutil.which("readelf") and shutil.which("nm"),
                     "readelf and nm are not installed")
class Links(unittest.TestCase):
    def test_cape_predict_has_no_mpi(self):
        self.assertEqual(names(libraries("cape_predict"), "libmpi"), [])
        self.assertEqual(names(all_libraries("cape_predict"), "libmpi"), [])
        self.assertNotRegex(symbols("cape_predict"),
                            r"connect_in_process|\bCoordinator::")

    def test_cape_predict_has_no_support_vector_machine(self):
        self.assertEqual(names(libraries("cape_predict"), "libsvm"), [])
        self.assertNotRegex(symbols("cape_predict"), "SupportVectorRegression")

    def test_cape_predict_has_no_report_page(self):
        self.assertNotIn(VEGA, (BIN / "cape_predict").read_bytes())
        self.assertFalse("report_html" in symbols("cape_predict"))

    def test_cape_fit_has_no_mpi(self):
        self.assertEqual(names(all_libraries("cape_fit"), "libmpi"), [])

    def test_cape_farm_has_no_booster(self):
        self.assertEqual(names(libraries("cape_farm"), "xgboost"), [])

    def test_what_is_looked_for_is_there_in_the_programs_that_use_it(self):
        self.assertNotEqual(names(libraries("cape_fit"), "libsvm"), [])
        self.assertRegex(symbols("cape_fit"), "SupportVectorRegression")
        self.assertTrue("report_html" in symbols("cape_fit"))
        self.assertIn(VEGA, (BIN / "cape_fit").read_bytes())
        self.assertRegex(symbols("cape_farm"), r"\bCoordinator::")
        if WITH_MPI:
            self.assertNotEqual(names(libraries("cape_farm"), "libmpi"), [])


if __name__ == "__main__":
    unittest.main()
