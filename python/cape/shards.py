"""Rows and curves of shards: docs/shard_format.md."""

import glob
import os
import pathlib

from cape.errors import CapeError, warn

#: Of columns that came later than others, what rows of older shards have in
#: them; in all other columns it is NaN, 0, False or an empty text.
_DEFAULTS = {"criterion": "epsilon", "optimizer": "adamw",
             "optimizer_json": '{"kind":"adamw"}', "weight_decay": 1e-4,
             "max_steps": 5000, "plateau_window": 200,
             "plateau_tolerance": 1e-4, "probe_version": 1}

_NEWEST_FORMAT = 1

_ORDER = ["family", "dataset", "learning_rate", "batch_size", "epsilon",
          "trial", "key"]

#: Columns of older programs that are no longer measured. Two rows that differ in
#: them alone are the same.
_RETIRED = ("log_line_1", "log_line_2", "log_line_4")


def read(paths):
    """The rows of shards as one pandas.DataFrame.

    paths: a shard, a folder (the shards directly in it), a pattern with `*`,
        `?` and `[]`, or a list of these.

    Texts are str; a missing number is NaN. Of rows with the same key one is
    kept, as the programs keep it: that of the newest probe, and of those that
    differ the smaller one, with a warning. The rows are sorted by family,
    dataset, learning_rate, batch_size, epsilon, trial and key. A column that a
    file lacks because it is older has the default of docs/shard_format.md; a
    column that no file has is not there. A file that cannot be read is named in
    a warning and left out.

    Raises CapeError where there is no shard, where none can be read, and where
    pandas or h5py are not installed (pip install pandas h5py).
    """
    pandas, h5py = _libraries()
    tables, volatile, probed = [], set(_RETIRED), set()
    for path in _shards(paths):
        for table, names in _read_from(h5py, path, _rows_of, pandas):
            tables.append(table)
            volatile |= names
    if not tables:
        raise CapeError(f"none of the shards of {paths} can be read")
    table = _together(pandas, tables)
    probed = {name for name in table.columns if _is_of_probe(name)}
    return _without_duplicates(table, volatile, probed)


def curves(paths):
    """The loss curves of shards as one pandas.DataFrame, a row for each loss:

        trajectory  that of the rows whose curve it is
        part        "training", or "validation" of a whole training
        step        after how many updates the loss was taken
        loss        the loss

    Of a trajectory whose curve is in several shards the longest is taken.
    `paths` and what is raised are those of `read`.
    """
    pandas, h5py = _libraries()
    found = {}
    for path in _shards(paths):
        for key, curve in _read_from(h5py, path, _curves_of, pandas):
            if key not in found or len(curve) > len(found[key]):
                found[key] = curve
    if not found:
        return pandas.DataFrame({"trajectory": pandas.Series(dtype=object),
                                 "part": pandas.Series(dtype=object),
                                 "step": pandas.Series(dtype="int32"),
                                 "loss": pandas.Series(dtype="float32")})
    return pandas.concat([found[key] for key in sorted(found)],
                         ignore_index=True)


def _libraries():
    try:
        # pylint: disable=import-outside-toplevel
        import h5py
        import pandas
    except ImportError as error:
        raise CapeError(f"shards are read with pandas and h5py ({error}): "
                        "pip install pandas h5py") from None
    return pandas, h5py


def _each_path(paths):
    """With the home folder in the place of ~."""
    try:
        return [os.fspath(os.path.expanduser(path)) for path in paths]
    except TypeError:
        raise CapeError("paths must be the path of a shard, a folder or a "
                        f"pattern, or a list of these (found {paths!r})"
                        ) from None


def _shards(paths):
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    files = {}  # in order, each of them once
    for path in _each_path(paths):
        if os.path.isdir(path):
            matches = sorted(map(str, pathlib.Path(path).glob("*.h5")))
        elif os.path.exists(path):
            matches = [path]
        else:
            matches = sorted(glob.glob(path))
        if not matches:
            raise CapeError(f"there is no shard {path}")
        files.update(dict.fromkeys(matches))
    return list(files)


def _read_from(h5py, path, read_all, pandas):
    """A list of what `read_all` finds in a shard; nothing, and a warning that
    says why, where it cannot be read."""
    try:
        with h5py.File(path) as file:
            version = int(file.attrs.get("format_version", 1))
            if version > _NEWEST_FORMAT:
                raise OSError(f"its format is {version}, the newest known is "
                              f"{_NEWEST_FORMAT}; take a newer package")
            if "trials" not in file:
                raise OSError("it has no /trials")
            return list(read_all(pandas, file))
    except OSError as error:
        warn(f"{path} is left out: {error}")
        return []


def _text(value):
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _rows_of(pandas, file):
    """The table of its rows, and the names of the volatile columns."""
    described = file["columns"][:] if "columns" in file else []
    yield _table(pandas, file), {_text(row["name"]) for row in described
                                 if row["volatile"]}


def _table(pandas, file):
    rows = file["trials"][:]
    columns = {}
    for name in rows.dtype.names:
        values = rows[name]
        if values.dtype.kind in "SO":
            values = pandas.Series([_text(value) for value in values],
                                   dtype=object)
        columns[name] = values
    return pandas.DataFrame(columns)


def _together(pandas, tables):
    names = dict.fromkeys(name for table in tables for name in table.columns)
    newest = max(tables, key=lambda table: len(table.columns))
    names = [*newest.columns, *(name for name in names
                                if name not in newest.columns)]
    for table in tables:
        for name in names:
            if name in table.columns:
                continue
            kind = next(other[name].dtype for other in tables
                        if name in other.columns)
            table[name] = pandas.Series(
                [_DEFAULTS.get(name, _default(kind))] * len(table), dtype=kind)
    return pandas.concat([table[names] for table in tables], ignore_index=True)


def _default(kind):
    return {"f": float("nan"), "b": False, "O": ""}.get(kind.kind, 0)


def _is_of_probe(name):
    """Whether a newer version of the probe may measure something else: then a
    difference is no conflict."""
    measured = ("log_g2", "log_tau", "probe_", "log_mean_g2", "label_entropy",
                "logit_spread", "train_", "input_rms",
                "effective_rank", "neighbour_agreement", "constant_inputs",
                "weight_layers", "widest_layer", "convolution_share",
                "norm_parameters", "recurrent_weights", "dropout_rate",
                "set_")
    return name.startswith(measured) and name != "probe_seconds"


def _without_duplicates(table, volatile, probed):
    repeated = table.duplicated("key", keep=False)
    if repeated.any():
        kept = [_pick(rows, volatile, probed)
                for _, rows in table[repeated].groupby("key", sort=False)]
        dropped = table.index[repeated].difference(kept)
        table = table.drop(dropped)
    return table.sort_values([name for name in _ORDER if name in table.columns],
                             kind="stable", ignore_index=True)


def _pick(rows, volatile, probed):
    """The index of the row that stays."""
    versions = (rows["probe_version"] if "probe_version" in rows.columns
                else rows["key"].map(lambda _: 1))
    newest = rows[versions == versions.max()]
    contents = [name for name in rows.columns if name not in volatile]
    if versions.nunique() > 1:
        settled = [name for name in contents if name not in probed]
    else:
        settled = contents
    places = newest.index
    best = min(places, key=lambda i: _bytes(newest.loc[i, contents]))
    if any(_bytes(rows.loc[i, settled]) != _bytes(rows.loc[best, settled])
           for i in rows.index):
        warn(f"rows of the key {rows.loc[best, 'key']} differ; one of them is "
             "kept")
    return best


def _bytes(row):
    """By which rows are ordered: column by column, texts as texts and numbers
    by their bytes in memory."""
    import numpy  # pylint: disable=import-outside-toplevel
    return [value.encode("utf-8") if isinstance(value, str)
            # Every NaN is the same.
            else numpy.asarray(float("nan") if value != value
                               else value).tobytes()
            for value in row]


def _curves_of(pandas, file):
    rows = file["trials"][:]
    losses = file["curves/loss"] if "curves/loss" in file else None
    if losses is None:
        return
    steps = file["curves/step"] if "curves/step" in file else None
    for part, prefix in (("training", "curve"), ("validation", "validation")):
        if f"{prefix}_length" not in rows.dtype.names:
            continue
        for row in {_text(row["trajectory"]): row for row in rows
                    if row[f"{prefix}_length"] > 0}.values():
            first = int(row[f"{prefix}_offset"])
            place = slice(first, first + int(row[f"{prefix}_length"]))
            values = losses[place]
            key = _text(row["trajectory"]), part
            yield key, pandas.DataFrame({
                "trajectory": key[0], "part": part,
                "step": (range(len(values)) if steps is None
                         else steps[place]),
                "loss": values})
