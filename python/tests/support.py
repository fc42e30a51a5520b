"""What the tests of this folder share."""

import importlib.util
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

# pylint: disable=wrong-import-position
from cape.errors import CapeError  # noqa: E402
from cape.programs import find_program  # noqa: E402


def has(name):
    return importlib.util.find_spec(name) is not None


def needs_program(name):
    """Skips a test where a program is not built."""
    try:
        find_program(name)
    except CapeError as error:
        return unittest.skip(str(error))
    return lambda test: test


if has("torch"):
    import torch

    # The networks are small: threads that wait for each other take longer.
    torch.set_num_threads(1)

needs_torch = unittest.skipUnless(has("torch"), "torch is not installed")
needs_pandas = unittest.skipUnless(has("pandas") and has("h5py"),
                                   "pandas or h5py are not installed")
