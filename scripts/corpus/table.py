"""data/corpus.tsv: what the corpus consists of, one data set a row."""

import ast
import csv
import hashlib
import os
import pathlib

FILE = pathlib.Path(__file__).parents[2] / "data" / "corpus.tsv"
COLUMNS = ("name", "kind", "role", "task", "source", "samples", "shape",
           "classes", "packages", "licence", "sha256")
KINDS = ("tabular", "images", "text", "tokens", "sound", "series")
TASKS = ("classification", "regression", "sequence", "multilabel")
# corpus: built and fitted on; known: read by the programs themselves and fitted
# on; held_out: built, for judging predictors only.
ROLES = ("corpus", "known", "held_out")
# Predictors are judged on these, so that none may ever be fitted on them.
NEVER = ("svhn", "imdb", "kmnist")


def read(file=FILE):
    """The rows as dictionaries."""
    with open(file, newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t",
                                   quoting=csv.QUOTE_NONE))


def write(rows, file=FILE):
    text = "".join("\t".join(line) + "\n" for line in
                   [COLUMNS] + [[row[name] for name in COLUMNS]
                                for row in rows])
    partial = f"{file}.partial"
    pathlib.Path(partial).write_text(text)
    os.rename(partial, file)


def is_refused(name):
    """Whether a data set may never be a part of the corpus."""
    return name.lower().replace("-", "_").split("_")[0] in NEVER


def hash_of(x, y):
    """SHA-256 of the types, the shapes and the contents of both arrays."""
    digest = hashlib.sha256()
    for array in (x, y):
        digest.update(f"{array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def describe(row, x, y):
    """The columns of a row that follow from its arrays."""
    return {
        "samples": str(len(x)),
        "shape": "x".join(str(size) for size in x.shape[1:]),
        "classes": {"regression": "-", "multilabel": str(y.shape[-1])}.get(
            row["task"], str(int(y.max()) + 1)),
        "sha256": hash_of(x, y),
    }


def entry(row, folder):
    """The data set as an entry of `grid.datasets`; folder: where its arrays
    are, as seen from the configuration."""
    if row["role"] == "known":
        return row["name"]
    keys = [("name", row["name"]), ("x", f"{folder}/{row['name']}-x.npy"),
            ("y", f"{folder}/{row['name']}-y.npy"), ("task", row["task"])]
    if row["task"] != "regression":
        keys.append(("classes", row["classes"]))
    if row["kind"] == "tokens":
        keys.append(("input", "tokens"))
    elif row["kind"] != "images":
        # Other arrays already have the scale in which networks shall see them.
        keys += [("mean", 0), ("std", 1)]
    return "{" + ", ".join(f"{key}: {value}" for key, value in keys) + "}"


def documentation(rows, about):
    """The table of docs/howto/corpus.md; about: {name: what it asks}."""
    lines = ["| name | what is asked | kind | task | source | samples | a "
             "sample | outputs | packages | licence |",
             "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        packages = ", ".join(f"`{spec.split('=')[0].split(':')[-1]}`"
                             for spec in row["packages"].split(","))
        outputs = "1" if row["classes"] == "-" else row["classes"]
        lines.append(
            f"| `{row['name']}` | {about[row['name']]} | {row['kind']} "
            f"| {row['task']} | {row['source']} | {int(row['samples']):,} "
            f"| {row['shape'].replace('x', ' x ')} | {outputs} | {packages} "
            f"| {row['licence']} |")
    return "\n".join(lines) + "\n"


def abouts(folder=pathlib.Path(__file__).parent):
    """{name: the sentence that describes it}, from the functions that build
    the data sets, whose packages need not be there."""
    found = {}
    for name in ("tabular", "images", "text", "tokens", "signals"):
        for node in ast.parse((folder / f"{name}.py").read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name[0] != "_":
                sentence = " ".join(ast.get_docstring(node).split())
                found[node.name] = sentence.split(": x [")[0].rstrip(".")
    return found
