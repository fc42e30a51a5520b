#!/usr/bin/env python3
"""Judges a predictor on networks that nothing was fitted on: predicts the grids
beside this file with cape_predict and compares with the measured rows in
foreign.h5.

    tests/foreign/score.py [--model DIR] [--bin DIR] [--data-dir DIR]
                           [--by-network] [--json FILE]
                           [--steps 8|32] [--later-than N]

Needs h5py and NumPy. README.md beside this file says what the columns are.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

import h5py
import numpy

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# In the order in which they are printed: (title, configuration).
SETS = {"grey images, data sets of the default predictor": "grey",
        "coloured images, an unseen data set": "colour",
        "texts, an unseen data set": "text",
        "texts as tokens, the same unseen data set": "tokens"}
UNSEEN = ("colour", "text")
MEASURES = {"accuracy": "AvgAccuracy", "factor": "factor off",
            "bias": "signed log error", "covered": "covered",
            "width": "upper / lower", "interval_score": "interval score"}


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def cell(architecture_json, row):
    """What a prediction and a measured row have in common."""
    return (json.loads(architecture_json)["fingerprint"],
            text(row["dataset"]), round(float(row["learning_rate"]), 9),
            int(row["batch_size"]), round(float(row["epsilon"]), 6),
            int(row["trial"]))


def measured_rows(path):
    """{cell: (T*, converged)} and the number of trials of each data set."""
    rows, trials = {}, {}
    with h5py.File(path) as file:
        for row in file["trials"][:]:
            key = cell(text(row["architecture_json"]), row)
            rows[key] = float(row["t_star"]), bool(row["converged"])
            trials[key[1]] = max(trials.get(key[1], 0), key[-1] + 1)
    return rows, trials


def predict(configuration, options):
    """The predictions of cape_predict for tests/foreign/CONFIGURATION.yaml."""
    command = [options.bin / "cape_predict", HERE / f"{configuration}.yaml",
               "--json", "--model", options.model]
    command += [f"grid.trials={options.trials[configuration]}"]
    if options.steps:
        command += ["--steps", str(options.steps)]
    if options.data_dir:
        command += ["--data-dir", options.data_dir]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if run.returncode not in (0, 3):
        sys.exit(f"score: cape_predict ended with code {run.returncode} on "
                 f"{configuration}.yaml")
    answer = json.loads(run.stdout)
    for failed in answer["failed"]:
        print(f"score: no prediction for {failed['what']}: {failed['error']}",
              file=sys.stderr)
    return answer["predictions"], answer["level"]


def judge(predicted, lower, upper, true, level):
    """The measures of one network's rows."""
    log = numpy.log(predicted / true)
    accuracy = numpy.clip(1 - numpy.abs(predicted - true) / true, 0, 1)
    # The width, and a fine for what is outside, both of the logarithms.
    fine = 2 / (1 - level)
    score = (numpy.log(upper / lower)
             + fine * numpy.maximum(numpy.log(lower / true), 0)
             + fine * numpy.maximum(numpy.log(true / upper), 0))
    return {"accuracy": accuracy.mean(),
            "factor": numpy.median(numpy.abs(log)),
            "bias": numpy.median(log),
            "covered": ((lower <= true) & (true <= upper)).mean(),
            "width": numpy.median(numpy.log(upper / lower)),
            "interval_score": score.mean()}


def average(networks):
    """The mean of the networks' measures; ratios are averaged as
    logarithms."""
    means = {name: float(numpy.mean([one[name] for one in networks]))
             for name in MEASURES}
    return means | {name: float(numpy.exp(means[name]))
                    for name in ("factor", "width")}


def collect(configuration, rows, options):
    """{network: its measures}, and how many of its rows converged."""
    predictions, level = predict(configuration, options)
    found, converged, joined = {}, 0, 0
    for one in predictions:
        true = rows.get(cell(one["architecture_json"], one))
        if true is None:
            continue
        joined += 1
        if true[0] <= options.later_than:
            continue
        if true[1]:
            converged += 1
            file = json.loads(one["architecture_json"])["file"]
            found.setdefault(pathlib.Path(file).stem, []).append(
                (one["t_star"], *one["interval"], true[0]))
    if joined < len(predictions):
        print(f"score: {len(predictions) - joined} cells of "
              f"{configuration}.yaml were not measured", file=sys.stderr)
    networks = {name: judge(*numpy.array(values).T, level)
                for name, values in sorted(found.items())}
    return networks, converged, joined


def line(title, measures):
    return (f"{title:50} {measures['accuracy']:11.2f} "
            f"{'x' + format(measures['factor'], '.2f'):>10} "
            f"{measures['bias']:+16.2f} {100 * measures['covered']:6.0f} % "
            f"{measures['width']:13.1f} {measures['interval_score']:14.1f}")


def main():
    parser = argparse.ArgumentParser(
        description="Judges a predictor on networks that nothing was fitted "
                    "on.")
    parser.add_argument("--model", type=pathlib.Path,
                        default=ROOT / "data" / "model",
                        help="model directory of cape_fit; default: data/model")
    parser.add_argument("--bin", type=pathlib.Path,
                        default=os.environ.get("CAPE_BIN",
                                               ROOT / "build/release/bin"),
                        help="where cape_predict is; default: $CAPE_BIN, else "
                             "build/release/bin")
    parser.add_argument("--data-dir", default=os.environ.get("CAPE_TEST_DATA"),
                        help="where MNIST, SVHN and IMDB are; default: "
                             "$CAPE_TEST_DATA")
    parser.add_argument("--steps", type=int, default=0, choices=[8, 32],
                        help="let cape_predict take so many steps; only rows "
                             "that need more count")
    parser.add_argument("--later-than", type=int, default=0, metavar="N",
                        help="only rows that need more than N steps count")
    parser.add_argument("--rows", type=pathlib.Path,
                        default=HERE / "foreign.h5", help="measured rows")
    parser.add_argument("--by-network", action="store_true",
                        help="print a line for each network, too")
    parser.add_argument("--json", type=pathlib.Path,
                        help="also write all measures into this file")
    options = parser.parse_args()
    options.later_than = max(options.later_than, options.steps)
    rows, trials = measured_rows(options.rows)
    options.trials = {"grey": trials.get("mnist", 1),
                      "colour": trials.get("svhn", 1),
                      "text": trials.get("imdb", 1),
                      "tokens": trials.get("imdb_tokens", 1)}
    print(f"{'':50} " + " ".join(
        [f"{MEASURES['accuracy']:>11}", f"{MEASURES['factor']:>10}",
         f"{MEASURES['bias']:>16}", f"{MEASURES['covered']:>8}",
         f"{MEASURES['width']:>13}", f"{MEASURES['interval_score']:>14}"]))
    everything, unseen = {}, {}
    for title, name in SETS.items():
        networks, converged, joined = collect(name, rows, options)
        if not networks:
            continue
        everything[name] = {"networks": networks, "rows": joined,
                            "converged": converged,
                            "mean": average(list(networks.values()))}
        if name in UNSEEN:
            unseen |= networks
        print(line(title, everything[name]["mean"]))
        print(f"  {len(networks)} networks, {joined} rows, of which "
              f"{converged} converged and count")
        if options.by_network:
            for network, measures in networks.items():
                print(line(f"  {network}", average([measures])))
    if unseen:
        everything["unseen"] = {"mean": average(list(unseen.values()))}
        print(line("both without tokens (unseen data sets)", everything["unseen"]["mean"]))
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
