#!/usr/bin/env python3
"""Compares a farm's rows with published ones: do ours come out the same?

    scripts/compare_published.py PUBLISHED.csv SHARD_OR_FOLDER... [--check]

Rows are matched by (data set, parameters, learning rate, batch size, epsilon),
since the architecture dominates the spread. Steps: exp of the mean over matches
of (mean log t_star - mean log(T_star - 1)). Features: log g2 and log tau of each
trajectory, standardised with the published mean and deviation of its data set,
parameters and batch size; their mean, and a two-sample Kolmogorov-Smirnov test
against the published rows treated alike. (The published CNN probe kept dropout
on: what that adds is added to ours.) With --check the exit code is 1 when a
figure is outside its tolerance.
"""

import argparse
import pathlib
import sys

import h5py
import numpy as np
import pandas
import scipy.stats

DATASETS = {"MNIST": "mnist", "FashionMNIST": "fashion_mnist",
            "CIFAR10": "cifar10", "CIFAR100": "cifar100"}
# What a dropout of 0.1 adds to log g2 and log tau.
CNN_DROPOUT = 0.023
SETTING = ["dataset", "parameters", "batch_size"]
CELL = SETTING + ["learning_rate", "epsilon"]


def read_published(path):
    rows = pandas.read_csv(path)
    return pandas.DataFrame({
        "dataset": rows.dataset.map(DATASETS),
        "parameters": np.exp(rows.logP).round().astype(int),
        "learning_rate": rows.learning_rate,
        "batch_size": rows.batch_size,
        "epsilon": rows.epsilon,
        "log_t": np.log(rows.T_star - 1),
        "log_g2": rows.logG2,
        "log_tau": rows.logTau,
    })


def read_farm(inputs):
    shards = []
    for path in map(pathlib.Path, inputs):
        shards += sorted(path.glob("*.h5")) if path.is_dir() else [path]
    tables = []
    for shard in shards:
        with h5py.File(shard) as file:
            tables.append(pandas.DataFrame(file["trials"][:]))
    rows = pandas.concat(tables)
    for column in rows.select_dtypes(object):
        rows[column] = rows[column].str.decode("utf-8")
    rows = rows.drop_duplicates("key").reset_index(drop=True)
    rows["parameters"] = np.exp(rows.log_p).round().astype(int)
    rows["log_t"] = np.log(rows.t_star)
    # The published CNN probe kept dropout on; ours is in evaluation mode.
    dropped = (rows.family == "cnn") & rows.architecture.str.contains("drop0.1")
    rows.loc[dropped, ["log_g2", "log_tau"]] += CNN_DROPOUT
    return rows.reset_index(drop=True)


def step_ratio(ours, published):
    """(ratio, matched cells): our steps over the published ones."""
    difference = (ours.groupby(CELL).log_t.mean() -
                  published.groupby(CELL).log_t.mean()).dropna()
    return np.exp(difference.mean()), len(difference)


def standardised(rows, published, feature):
    moments = published.groupby(SETTING)[feature].agg(["mean", "std"])
    joined = rows.join(moments, on=SETTING, how="inner")
    return ((joined[feature] - joined["mean"]) / joined["std"]).to_numpy()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("published")
    parser.add_argument("shards", nargs="+")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--steps-tolerance", type=float, default=0.03)
    parser.add_argument("--mean-tolerance", type=float, default=0.1)
    parser.add_argument("--least-p", type=float, default=0.001)
    options = parser.parse_args()

    published = read_published(options.published)
    ours = read_farm(options.shards)
    published = published[published.dataset.isin(ours.dataset)]
    ratio, cells = step_ratio(ours, published)
    if cells == 0:
        sys.exit("no cell of the shards is among the published rows")
    good = abs(ratio - 1) <= options.steps_tolerance
    print(f"steps    ours / published {ratio:.4f} over {cells} matched cells, "
          f"{len(ours)} rows")
    # One row a trajectory: its rows share the probe.
    trajectories = ours.drop_duplicates("trajectory")
    for feature in ("log_g2", "log_tau"):
        z = standardised(trajectories, published, feature)
        reference = standardised(published, published, feature)
        p = scipy.stats.ks_2samp(z, reference).pvalue
        good &= abs(z.mean()) <= options.mean_tolerance and p > options.least_p
        print(f"{feature:8} standardised mean {z.mean():+.3f}, deviation "
              f"{z.std():.3f}, KS p {p:.3g} over {len(z)} trajectories")
    if options.check and not good:
        sys.exit("outside the tolerances")


if __name__ == "__main__":
    main()
