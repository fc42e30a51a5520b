"""Numbers among the arguments of users: taken in any of their types, and
refused with what was found."""

import collections.abc
import math
import numbers

from cape.errors import CapeError


def plain(value):
    """The number in a tensor or an array of no dimensions."""
    is_scalar = getattr(value, "ndim", None) == 0 and hasattr(value, "item")
    return value.item() if is_scalar else value


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def number(name, value, least=-math.inf):
    """`value` as a float that is finite and at least `least`."""
    found = plain(value)
    if _is_number(found) and math.isfinite(found) and found >= least:
        return float(found)
    bound = "" if least == -math.inf else f" of at least {least:g}"
    raise CapeError(f"{name} must be a number{bound} (found {value!r})")


def whole(name, value, least=0):
    """`value` as an int of at least `least`; 900.0 is one, too."""
    found = plain(value)
    if (_is_number(found) and math.isfinite(found) and found == int(found) and
            found >= least):
        return int(found)
    raise CapeError(f"{name} must be a whole number of at least {least} (found "
                    f"{value!r})")


def one_or_more(name, value, check):
    """check(name, ...) of a value, or of each in a list, as a list."""
    is_list = (isinstance(value, collections.abc.Iterable) and
               not isinstance(value, (str, bytes, collections.abc.Mapping)) and
               getattr(value, "ndim", 1) > 0)
    values = [check(name, one) for one in (value if is_list else [value])]
    if not values:
        raise CapeError(f"{name} is an empty list; give at least one number")
    return values
