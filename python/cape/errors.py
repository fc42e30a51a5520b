"""The one exception that this package raises for what its caller can correct."""


class CapeError(Exception):
    """What was wrong, what was found and what to do; where a program of CAPE
    farm refused something, the program's own message."""
