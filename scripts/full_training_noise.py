#!/usr/bin/env python3
"""How far apart whole trainings are that differ in their random numbers alone,
and in the part of the samples that is for validation too:

    full_training_noise.py RUN OTHER_RUN

RUN and OTHER_RUN are folders of shards of configs/metadataset/full_repeats.yaml,
the second one measured with another master seed. Prints a table for
docs/validation.md."""
import collections
import itertools
import math
import pathlib
import statistics
import sys

import h5py

# What two trainings share that differ in their random numbers alone.
CELL = ("architecture", "dataset", "learning_rate", "batch_size", "samples",
        "criterion", "epsilon", "patience")


def cells_of(folder):
    """The counts of the rows that converged, by cell; of early stopping the best
    epoch."""
    cells = collections.defaultdict(list)
    for path in sorted(pathlib.Path(folder).glob("*.h5")):
        with h5py.File(path) as shard:
            for row in shard["trials"][:]:
                if not row["converged"]:
                    continue
                early = row["criterion"] == b"early_stopping"
                # NaN is not equal to itself: as text it is.
                cell = tuple(str(row[name]) for name in CELL)
                cells[cell].append(int(row["best_epoch" if early else "t_star"]))
    return cells


def accuracy(true, predicted):
    return max(0.0, 1 - abs(predicted - true) / max(true, 1))


def line(name, pairs):
    distances = [abs(math.log(a / b)) for a, b in pairs]
    accuracies = [accuracy(a, b) for a, b in pairs]
    accuracies += [accuracy(b, a) for a, b in pairs]
    return (f"| {name} | {len(pairs)} | {statistics.mean(accuracies):.2f} "
            f"| {statistics.mean(distances):.2f} "
            f"| {math.exp(statistics.median(distances)):.2f} |")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    first, second = (cells_of(folder) for folder in sys.argv[1:])
    print("| two trainings of one cell | pairs | AvgAccuracy | mean abs log "
          "| median factor |\n| --- | --- | --- | --- | --- |")
    for criterion, what in (("early_stopping", "best epoch"),
                            ("epsilon", "steps to epsilon")):
        cells = [cell for cell in first if criterion in cell[5]]
        same = [pair for cells_of_run in (first, second) for cell in cells
                for pair in itertools.combinations(cells_of_run[cell], 2)]
        other = [pair for cell in cells
                 for pair in itertools.product(first[cell], second[cell])]
        print(line(f"{what}, other seeds", same))
        print(line(f"{what}, other seeds and another validation part", other))


if __name__ == "__main__":
    main()
