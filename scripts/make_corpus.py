"""Builds the data sets of data/corpus.tsv; scripts/make_corpus.sh runs it."""

import argparse
import os
import pathlib
import sys
import time

from corpus import table


class UserError(Exception):
    """Says what was wrong and what to do."""


def say(text):
    print("make_corpus:", text, flush=True)


def builders():
    """{name: function of {package name: package} that returns (x, y)}"""
    from corpus import images, signals, tabular, text, tokens

    return {name: function for module in (tabular, images, text, tokens, signals)
            for name, function in vars(module).items()
            if callable(function) and not name.startswith("_")
            and function.__module__ == module.__name__}


def chosen(rows, names, roles):
    """The rows of these roles with these names, in their order; of no names all
    of these roles."""
    for name in names:
        if table.is_refused(name):
            raise UserError(
                f"{name} is held out: predictors are judged on it, so it is "
                "never a part of the corpus; scripts/fetch_datasets.sh "
                "downloads it for other uses")
    found = {row["name"]: row for row in rows if row["role"] in roles}
    for name in names:
        if name not in found:
            raise UserError(
                f"there is no data set {name} of the role {' or '.join(roles)};"
                f" there are {' '.join(found)}")
    return [row for name, row in found.items() if not names or name in names]


def load(folder, name):
    """(x, y) where both are there and can be read, else None."""
    import numpy

    try:
        return [numpy.load(folder / f"{name}-{part}.npy") for part in "xy"]
    except (OSError, ValueError, EOFError):
        return None


def save(folder, name, x, y):
    import numpy

    for part, array in (("x", x), ("y", y)):
        partial = folder / f".{name}-{part}.npy"
        numpy.save(partial, numpy.ascontiguousarray(array))
        os.rename(partial, folder / f"{name}-{part}.npy")


def build(row, folder, opened, cache, update):
    """Builds a data set unless it is there; returns what happened."""
    from corpus.packages import Package

    arrays = None if update else load(folder, row["name"])
    if arrays and table.hash_of(*arrays) == row["sha256"]:
        return "there already"
    sources = {}
    for spec in row["packages"].split(","):
        if spec not in opened:
            opened[spec] = Package(spec, cache)
        sources[opened[spec].name] = opened[spec]
    try:
        x, y = builders()[row["name"]](sources)
    except (ValueError, KeyError, IndexError) as error:
        raise UserError(
            f"{row['name']} cannot be made ({error}); other versions of "
            f"{row['packages']} may hold something else") from error
    found = table.describe(row, x, y)
    if update:
        row.update(found)
    elif found["sha256"] != row["sha256"]:
        versions = ", ".join(f"{source.path.name} for {source.spec}"
                             for source in sources.values())
        raise UserError(
            f"{row['name']} is not what data/corpus.tsv says: its arrays have "
            f"the SHA-256 {found['sha256']}. It was made from {versions}; if "
            "these are other versions, use a Debian that has those of the "
            "table")
    save(folder, row["name"], x, y)
    return f"{len(x)} samples of {found['shape']}"


def write_listing(rows, folder):
    """folder/datasets.yaml: the entries of all data sets that are there."""
    lines = ["# Entries for grid.datasets of a configuration in this folder."]
    for row in rows:
        if row["role"] != "known" and load(folder, row["name"]):
            note = "  # for judging only" if row["role"] == "held_out" else ""
            lines.append(f"- {table.entry(row, '.')}{note}")
    partial = folder / ".datasets.yaml"
    partial.write_text("\n".join(lines) + "\n")
    os.rename(partial, folder / "datasets.yaml")


def main():
    parser = argparse.ArgumentParser(prog="make_corpus")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--only", metavar="NAME", dest="names",
                        action="append", default=[])
    parser.add_argument("--cache", type=pathlib.Path)
    parser.add_argument("--entries", metavar="ROLE", choices=table.ROLES)
    parser.add_argument("--update-table", action="store_true")
    options = parser.parse_args()
    rows = table.read()
    if options.entries:
        for row in chosen(rows, options.names, [options.entries]):
            print(f"    - {table.entry(row, options.folder)}")
        return 0
    wanted = chosen(rows, options.names,
                    [role for role in table.ROLES if role != "known"])
    options.folder.mkdir(parents=True, exist_ok=True)
    opened, failed = {}, []
    from corpus.packages import PackageError

    for row in wanted:
        start = time.monotonic()
        try:
            outcome = build(row, options.folder, opened, options.cache,
                            options.update_table)
        except (PackageError, UserError) as error:
            failed.append(row["name"])
            print(f"make_corpus: {error}", file=sys.stderr)
        else:
            say(f"{row['name']}: {outcome} "
                f"({time.monotonic() - start:.1f} s)")
    if options.update_table:
        table.write(rows)
    write_listing(rows, options.folder)
    if failed:
        raise UserError("these could not be built: " + " ".join(failed)
                        + "; the same command goes on with them")
    say(f"{len(wanted)} data sets are in {options.folder}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print("make_corpus:", error, file=sys.stderr)
        sys.exit(2)
