"""Where the programs of CAPE farm are, and one run of one of them."""

import json
import math
import os
import pathlib
import shutil
import subprocess

from cape.checks import plain
from cape.errors import CapeError, warn

try:  # written when the package is installed
    from cape._origin import ORIGIN
except ImportError:
    ORIGIN = None


def _folders():
    """Where programs are looked for, before PATH."""
    if os.environ.get("CAPE_BIN"):
        yield pathlib.Path(os.environ["CAPE_BIN"])
    # The folder `python` of a clone or of an installed tree, of which this is
    # a part or from which it was installed.
    homes = [pathlib.Path(__file__).resolve().parents[1]]
    if ORIGIN:
        homes.append(pathlib.Path(ORIGIN))
    for home in homes:
        yield home.parent / "build" / "release" / "bin"  # of a clone
        # PREFIX/share/cape-farm/python
        yield home.parents[2] / "bin" if len(home.parents) > 2 else home


def find_program(name):
    """The path of a program. Raises CapeError where there is none."""
    looked = []
    for folder in _folders():
        program = folder / name
        if program.is_file() and os.access(program, os.X_OK):
            return program
        looked.append(str(folder))
    program = shutil.which(name)
    if program:
        return pathlib.Path(program)
    raise CapeError(
        f"there is no {name} (looked for it in {', '.join(looked)} and PATH); "
        "build it (docs/howto/install.md), and name its folder with the "
        "environment variable CAPE_BIN")


def _finite(value):
    """JSON has neither NaN nor infinities: null is both."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    value = plain(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _json(line):
    for key, value in line.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise CapeError(f"{key} of a probe cannot be written as JSON "
                            f"({error}; found {value!r})") from None
    return json.dumps(line, allow_nan=False)


def predict_probed(lines, *options):
    """What `cape_predict --probed - --json` answers to probes, one dict a
    line. The program's warnings become Python's."""
    program = find_program("cape_predict")
    text = "".join(_json(_finite(line)) + "\n" for line in lines)
    done = subprocess.run([program, "--probed", "-", "--json", *options],
                          input=text, capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise CapeError(done.stderr.strip() or
                        f"{program} ended with {done.returncode}")
    for warning in done.stderr.splitlines():
        if warning.strip():
            warn(warning.strip().removeprefix("warning: "))
    return json.loads(done.stdout)
