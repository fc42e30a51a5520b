#!/usr/bin/env python3
"""Measures how good predictions of whole trainings are, and writes it into
docs/validation.md.

    scripts/validate_full_training.py --repeats RUN RUN --heldout RUN

The first two runs are of configs/metadataset/full_repeats.yaml, the second one
with `seed=43`; the third is of configs/metadataset/heldout_full.yaml. Reads the
tables of scripts/make_default_model.sh, and asks cape_predict about the trainings
of the third run. scripts/setup.sh --tests installs what it needs."""

import argparse
import collections
import csv
import itertools
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys

import h5py

from page_section import write_section

ROOT = pathlib.Path(__file__).resolve().parents[1]
CRITERIA = {"early_stopping": "The best epoch", "epsilon": "Steps to an epsilon"}
LEFT_OUT = {"none": "trajectories", "kind": "kinds of networks",
            "source": "sources of data", "both": "both"}
# What two trainings share that differ in their random numbers alone.
CELL = ("architecture", "dataset", "learning_rate", "batch_size", "samples",
        "criterion", "epsilon", "patience")


def read_csv(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def interval(row, name):
    return (f"{float(row[name]):.2f} ({float(row[name + '_low']):.2f}-"
            f"{float(row[name + '_high']):.2f})")


def scores(tables):
    """A line for each model and novelty."""
    yield ("| left out | model | rows | AvgAccuracy | mean abs log error | "
           "off by a factor of (median) | r of logs | without steps per epoch |")
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in read_csv(tables / "unseen.csv"):
        yield (f"| {LEFT_OUT[row['new']]} | {row['model']} | {int(row['rows']):,} "
               f"| {interval(row, 'avg_accuracy')} | {interval(row, 'log_mae')} "
               f"| {row['median_factor']} "
               f"| {row['log_r'] or '-'} | {row['log_r_of_epochs'] or '-'} |")


def first_steps(tables):
    """What the losses of the first updates are worth."""
    yield ("**Steps to an epsilon, with `--steps 32`.** The model knows the losses "
           "after the first 32 updates. Rows are those of more than 32 steps; in "
           "brackets is what `general` gets on the same rows.")
    yield ""
    yield ("| left out | rows | AvgAccuracy | off by a factor of (median) "
           "| 90 % intervals cover | upper / lower end |")
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in read_csv(tables / "first_steps_32.csv"):
        yield (f"| {LEFT_OUT[row['left_out']]} | {int(row['rows']):,} "
               f"| {float(row['avg_accuracy']):.2f} "
               f"({float(row['avg_accuracy_without']):.2f}) "
               f"| {float(row['median_factor']):.2f} "
               f"({float(row['median_factor_without']):.2f}) "
               f"| {100 * float(row['covered']):.0f} % "
               f"| {row['interval_ratio']} |")


def figure(number):
    """Of epochs, two digits at least."""
    return f"{number:.2g}" if number < 10 else f"{number:.1f}"


def intervals(tables):
    yield ("| left out | rows | 90 % intervals cover | upper / lower end | "
           "converges: Brier | AUC |")
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in read_csv(tables / "general.csv"):
        yield (f"| {LEFT_OUT[row['left_out']]} | {int(row['rows']):,} "
               f"| {100 * float(row['covered']):.0f} % "
               f"| {row['interval_ratio']} | {row['brier']} | {row['auc']} |")


def worse(tables):
    """Where the general model is no better than something simple."""
    found = []
    for criterion, what in CRITERIA.items():
        rows = read_csv(tables / criterion / "tables" / "unseen.csv")
        general = {row["new"]: row for row in rows if row["model"] == "general"}
        for row in rows:
            mine = general[row["new"]]
            if row["model"] == "general":
                continue
            for name, better in (("avg_accuracy", max), ("log_mae", min)):
                a, b = float(row[name]), float(mine[name])
                if a != b and better(a, b) == a:
                    found.append(f"- {what}, {LEFT_OUT[row['new']]} left out: "
                                 f"{name} {b:.3f}, {row['model']} {a:.3f}")
    if found:
        yield "Where something simpler is better:"
        yield ""
        yield from found
        yield ""


def rows_of(folder):
    for path in sorted(pathlib.Path(folder).glob("*.h5")):
        with h5py.File(path) as shard:
            yield from shard["trials"][:]


def is_early(row):
    return row["criterion"] == b"early_stopping"


def cells_of(folder):
    """The counts of the rows that converged, by cell; of early stopping the best
    epoch."""
    cells = collections.defaultdict(list)
    for row in rows_of(folder):
        if not row["converged"]:
            continue
        # NaN is not equal to itself: as text it is.
        cell = tuple(str(row[name]) for name in CELL)
        cells[cell].append(int(row["best_epoch" if is_early(row) else "t_star"]))
    return cells


def accuracy(true, predicted):
    return max(0.0, 1 - abs(predicted - true) / max(true, 1))


def noise_line(name, pairs):
    distances = [abs(math.log(a / b)) for a, b in pairs]
    accuracies = [accuracy(*pair) for a, b in pairs
                  for pair in ((a, b), (b, a))]
    return (f"| {name} | {len(pairs)} | {statistics.mean(accuracies):.2f} "
            f"| {statistics.mean(distances):.2f} "
            f"| {math.exp(statistics.median(distances)):.2f} |")


def noise(runs):
    first, second = (cells_of(run) for run in runs)
    yield ("| two trainings of one cell | pairs | AvgAccuracy | mean abs log "
           "ratio | median factor |")
    yield "| --- | --- | --- | --- | --- |"
    for criterion, what in CRITERIA.items():
        cells = [cell for cell in first if criterion in cell[5]]
        same = [pair for run in (first, second) for cell in cells
                for pair in itertools.combinations(run[cell], 2)]
        other = [pair for cell in cells
                 for pair in itertools.product(first[cell], second[cell])]
        yield noise_line(f"{what.lower()}, other random numbers", same)
        yield noise_line(f"{what.lower()}, another validation part, too", other)


def duration(seconds):
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"


def whole_sets(options):
    """Predicted and measured, of all samples of FashionMNIST."""
    command = [options.bin / "cape_predict",
               ROOT / "configs/metadataset/heldout_full.yaml", "--json",
               "--model", options.model, "grid.trials=2"]
    if options.data_dir:
        command += ["--data-dir", options.data_dir]
    answers = []
    for more in ([], ["--steps", "32"]):
        run = subprocess.run(command + more, capture_output=True, text=True)
        if run.returncode:
            sys.exit(f"validate_full_training: cape_predict: {run.stderr}")
        answers.append(json.loads(run.stdout)["predictions"])
    measured = {(row["trajectory"].decode(), bool(is_early(row)),
                 float(row["epsilon"])): row for row in rows_of(options.heldout)}

    def row_of(cell):
        early = cell["criterion"] == "early_stopping"
        for (trajectory, is_it, epsilon), row in measured.items():
            if trajectory == cell["trajectory"] and is_it == early and (
                    early or math.isclose(epsilon, cell["epsilon"])):
                return row
        return None

    yield ("| network | until | trial | predicted epochs | interval | with "
           "`--steps 32` | measured epochs | predicted time | measured time |")
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for cell, stepped in zip(*answers, strict=True):
        row = row_of(cell)
        if row is None:
            continue
        until = (f"patience {cell['patience']}" if is_early(row)
                 else f"loss {cell['epsilon']:g}")
        low, high = cell["epochs_interval"]
        seconds = (row["steps_run"] * row["step_seconds"]
                   + math.floor(row["epochs"]) * row["evaluation_seconds"])
        epochs = figure(row["epochs"])
        yield (f"| `{cell['architecture']}` | {until} | {cell['trial']} "
               f"| {figure(cell['epochs'])} | {figure(low)} - {figure(high)} "
               f"| {figure(stepped['epochs'])} "
               f"| {epochs if row['converged'] else '> ' + epochs} "
               f"| {duration(cell['seconds'])} | {duration(seconds)} |")


def section(options):
    yield from worse(options.tables)
    for criterion, what in CRITERIA.items():
        tables = options.tables / criterion / "tables"
        yield (f"**{what}.** `general` is the model without names, which answers. "
               "Brackets hold 95 % of samples of the groups that were left out.")
        yield ""
        yield from scores(tables)
        yield ""
        yield from intervals(tables)
        yield ""
        if (tables / "first_steps_32.csv").exists():
            yield from first_steps(tables)
            yield ""
    yield ("**How far apart equal trainings are.** No prediction can be nearer "
           "than that: 20 cells of `configs/metadataset/full_repeats.yaml`, each "
           "trained three times by each of two master seeds.")
    yield ""
    yield from noise(options.repeats)
    yield ""
    yield ("**All of FashionMNIST.** No model was fitted on more than 16,000 "
           "samples of it; N is 55,000 here, 5,000 are for validation. "
           "Learning rate 1e-3, B = 128.")
    yield ""
    yield from whole_sets(options)


def main():
    parser = argparse.ArgumentParser(
        description="Measures how good predictions of whole trainings are.")
    parser.add_argument("--repeats", nargs=2, required=True, metavar="RUN")
    parser.add_argument("--heldout", required=True, metavar="RUN")
    parser.add_argument("--tables", type=pathlib.Path,
                        default=ROOT / "runs/metadataset/model/full_training",
                        help="model directory that make_default_model.sh fitted")
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "data/model")
    parser.add_argument("--bin", type=pathlib.Path,
                        default=os.environ.get("CAPE_BIN",
                                               ROOT / "build/release/bin"))
    parser.add_argument("--data-dir")
    parser.add_argument("--page", type=pathlib.Path,
                        default=ROOT / "docs/validation.md")
    options = parser.parse_args()
    if not (options.tables / "epsilon").exists():
        sys.exit(f"validate_full_training: {options.tables} has no folder "
                 "epsilon; scripts/make_default_model.sh makes it")
    write_section(options.page, "scripts/validate_full_training.py",
                  list(section(options)))


if __name__ == "__main__":
    main()
