"""How this package tells its caller what is wrong."""

import sys
import warnings


class CapeError(Exception):
    """What was wrong, what was found and what to do; where a program of CAPE
    farm refused something, the program's own message."""


def warn(message):
    """A UserWarning whose place is the call of this package."""
    frame, level = sys._getframe(1), 2  # pylint: disable=protected-access
    while frame and frame.f_globals.get("__name__", "").startswith("cape."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
