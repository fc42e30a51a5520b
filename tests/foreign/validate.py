#!/usr/bin/env python3
"""Measures how good answers about networks and data are that nobody measured,
and writes it into docs/validation.md.

    tests/foreign/validate.py [--tables DIR] [--data-dir DIR]

Reads the tables of scripts/make_default_model.sh, and lets tests/foreign/score.py
judge the predictor on networks that nothing was fitted on (two minutes each).
scripts/setup.sh --tests installs what it needs.
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from page_section import write_section  # noqa: E402
from score import average, judge  # noqa: E402

LEFT_OUT = {"none": "only the rows' own trajectories",
            "kind": "the kind of network", "source": "the source of data",
            "both": "both"}
SETS = {"grey": "MNIST and FashionMNIST, which the model knows",
        "colour": "SVHN, which it does not know",
        "text": "IMDB, which it does not know, as counts of words",
        "unseen": "these two data sets",
        "tokens": "IMDB, as tokens"}
FIRST_STEPS = (8, 32)  # what cape_predict --steps can take


def left_out_table(path):
    """What cape_fit found out by leaving out; lines of a page."""
    yield ("| left out | AvgAccuracy | off by a factor of (median) | median of "
           "ln(T' / T\\*) | 90 % intervals cover | upper / lower end | "
           "converges: Brier | AUC |")
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    with open(path) as file:
        for row in csv.DictReader(file):
            def figure(name):
                text = f"{float(row[name]):.2f}"
                if name + "_without" in row:  # the general model's
                    text += f" ({float(row[name + '_without']):.2f})"
                return text

            yield (f"| {LEFT_OUT[row['left_out']]} | {figure('avg_accuracy')} "
                   f"| {figure('median_factor')} "
                   f"| {float(row['median_log_error']):+.2f} "
                   f"| {100 * float(row['covered']):.0f} % "
                   f"| {ratio(row['interval_ratio'])} "
                   f"| {float(row['brier']):.3f} | {float(row['auc']):.2f} |")


def ratio(text):
    try:
        return f"{float(text):.1f}"
    except ValueError:
        return text  # "not calibrated"


def first_row(path, left_out):
    with open(path) as file:
        return next(row for row in csv.DictReader(file)
                    if row["left_out"] == left_out)


def judged(options, *arguments):
    """What tests/foreign/score.py measures."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, ROOT / "tests/foreign/score.py",
                   "--model", options.model, "--bin", options.bin,
                   "--json", file.name, *arguments]
        if options.data_dir:
            command += ["--data-dir", options.data_dir]
        subprocess.run(command, check=True, stdout=sys.stderr)
        return json.loads(pathlib.Path(file.name).read_text())


def networks_of(score):
    return {name: network for part in SETS
            for name, network in score.get(part, {}).get("networks", {}).items()}


def foreign_table(score, without=None):
    """`without`: the scores of the same rows that stand in brackets."""
    def figure(name, measure, form):
        text = format(score[name]["mean"][measure], form)
        if without is None:
            return text
        return f"{text} ({format(without[name]['mean'][measure], form)})"

    yield ("| networks on | AvgAccuracy | off by a factor of (median) | median of "
           "ln(T' / T\\*) | 90 % intervals cover | upper / lower end |")
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, title in SETS.items():
        if name not in score:
            continue
        networks = score[name].get("networks")
        count = f" ({len(networks)} networks)" if networks else ""
        yield (f"| {title}{count} | {figure(name, 'accuracy', '.2f')} "
               f"| {figure(name, 'factor', '.2f')} "
               f"| {figure(name, 'bias', '+.2f')} "
               f"| {figure(name, 'covered', '.0%').replace('%', ' %')} "
               f"| {figure(name, 'width', '.1f')} |")


def write_example(folder):
    """The data of docs/howto/own_data.md, and their configuration."""
    rng = numpy.random.default_rng(0)
    x = rng.normal(size=(2000, 12)).astype("float32")
    y = x[:, 0] * x[:, 1] + 0.1 * rng.normal(size=2000)
    numpy.save(folder / "x.npy", x)
    numpy.save(folder / "y.npy", y)
    (folder / "mine.yaml").write_text(
        "name: mine\ngrid:\n  models: [{family: mlp, sample: published}]\n"
        "  datasets: [{name: example, x: x.npy, y: y.npy, task: regression}]\n"
        "  learning_rate: [1e-3, 2e-3]\n  batch_size: [32, 64]\n"
        "  epsilon: [0.1, 0.2, 0.5]\n  trials: 10\n")
    return folder / "mine.yaml"


def trained(options, configuration, *arguments):
    """Predicted and measured, of the cells that converged; and the level of the
    intervals."""
    command = [options.bin / "cape_predict", configuration, "grid.trials=10",
               "--measure", "--json", "--model", options.model, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(run.stdout)
    return [cell for cell in answer["predictions"]
            if cell["measured"]["converged"]], answer["level"]


def own_data_table(options):
    """MLPs of the zoo on data that nothing is fitted on."""
    titles = {"example": "the regression of docs/howto/own_data.md",
              "houses": "`houses`, a regression", "emoji": "`emoji`, 20 labels"}
    yield ("| data | cells | AvgAccuracy | off by a factor of (median) | median of "
           "ln(T' / T\\*) | 90 % intervals cover | upper / lower end |")
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    with tempfile.TemporaryDirectory() as folder:
        configurations = [write_example(pathlib.Path(folder)),
                          ROOT / "tests/foreign/own_data.yaml"]
        for steps in (0, *FIRST_STEPS):
            cells = []
            for configuration in configurations:
                more, level = trained(options, configuration, *(
                    ["--steps", str(steps)] if steps else []))
                cells += more
            for name, title in titles.items():
                rows = numpy.array(
                    [(cell["t_star"], *cell["interval"],
                      cell["measured"]["t_star"]) for cell in cells
                     if cell["dataset"] == name])
                rows = rows[rows[:, -1] > steps]
                found = average([judge(*rows.T, level)])
                yield (f"| {title}{f', {steps} steps' if steps else ''} "
                       f"| {len(rows)} "
                       f"| {found['accuracy']:.2f} | {found['factor']:.2f} "
                       f"| {found['bias']:+.2f} "
                       f"| {100 * found['covered']:.0f} % "
                       f"| {found['width']:.1f} |")


def worst(score):
    """The networks that are covered least and those that are off the most."""
    networks = networks_of(score)
    uncovered = [name for name, one in networks.items() if one["covered"] < 0.6]
    by_accuracy = sorted(networks, key=lambda name: networks[name]["accuracy"])
    text = ("Of the networks of nobody's zoo, those with the lowest AvgAccuracy are "
            + ", ".join(f"`{name}` ({networks[name]['accuracy']:.2f})"
                        for name in by_accuracy[:3]) + ". ")
    if uncovered:
        return text + ("Intervals cover less than 60 % of "
                       + ", ".join(f"`{name}`" for name in uncovered) + ".")
    return text + "No network is covered below 60 %."


def section(options):
    tables = options.tables
    new = first_row(tables / "general.csv", "both")
    zero = judged(options)
    yield ("First, what is bad. Where kind and source are both new, answers are off "
           f"by a factor of {float(new['median_factor']):.2f} in the median. "
           "The upper end of an interval over its lower end: "
           f"{ratio(new['interval_ratio'])}. " + worst(zero))
    yield ""
    yield ("**What was left out of the fit.** `scripts/make_default_model.sh` "
           "writes this into `tables/general.csv`. "
           f"There are {new['kinds']} kinds of networks and {new['sources']} "
           "sources of data, of "
           f"{int(new['rows']):,} rows. Where several are left out together, the "
           "model had to do without all of them. AvgAccuracy and factors are of "
           "the rows that converged, intervals also of the others.")
    yield ""
    yield from left_out_table(tables / "general.csv")
    yield ""
    for steps in FIRST_STEPS:
        yield (f"The same with the losses of {steps} steps (`--steps {steps}`), "
               f"for rows of more than {steps} steps, in brackets without them; "
               f"in `tables/first_steps_{steps}.csv`:")
        yield ""
        yield from left_out_table(tables / f"first_steps_{steps}.csv")
        yield ""
    yield ("**Networks of nobody's zoo.** The folder `tests/foreign` of the "
           "repository has small TorchScript networks, as tutorials and papers "
           "have them, and their measured rows. Nothing is fitted on them. Of the "
           "rows that converged, averaged over networks:")
    yield ""
    yield from foreign_table(zero)
    yield ""
    for steps in FIRST_STEPS:
        yield (f"Of rows of more than {steps} steps, with the first {steps} "
               "steps; in brackets without them:")
        yield ""
        stepped = judged(options, "--steps", str(steps))
        yield from foreign_table(
            stepped, judged(options, "--later-than", str(steps)))
        yield ""
        yield worst(stepped)
        yield ""
    yield ("**Data that nobody measured, with MLPs of the zoo**: ten trials of "
           "two learning rates, two batch sizes and three epsilons, trained for "
           "this table. Lines with first steps are of cells that need more.")
    yield ""
    yield from own_data_table(options)


def main():
    parser = argparse.ArgumentParser(
        description="Measures how good answers about networks and data are that "
                    "nobody measured.")
    parser.add_argument("--tables", type=pathlib.Path,
                        default=ROOT / "runs/metadataset/model/batch_steps/tables",
                        help="of scripts/make_default_model.sh")
    parser.add_argument("--model", type=pathlib.Path,
                        default=ROOT / "data/model")
    parser.add_argument("--bin", type=pathlib.Path,
                        default=os.environ.get("CAPE_BIN",
                                               ROOT / "build/release/bin"))
    parser.add_argument("--data-dir", default=os.environ.get("CAPE_TEST_DATA"),
                        help="where MNIST, SVHN and IMDB are")
    parser.add_argument("--page", type=pathlib.Path,
                        default=ROOT / "docs/validation.md")
    options = parser.parse_args()
    for name in ("general.csv",
                 *(f"first_steps_{steps}.csv" for steps in FIRST_STEPS)):
        if not (options.tables / name).exists():
            sys.exit(f"validate: there is no "
                     f"{options.tables / name}; scripts/make_default_model.sh "
                     "makes it")
    write_section(options.page, "tests/foreign/validate.py",
                  list(section(options)))


if __name__ == "__main__":
    main()
