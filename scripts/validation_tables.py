#!/usr/bin/env python3
"""Writes what scripts/validate_default_model.sh measured into a page.

    scripts/validation_tables.py WORK DATA PAGE
    scripts/validation_tables.py --check PAGE

WORK has the fits (heldout, fresh_model, plain) and runs (fresh, again) of that
script, DATA the shards and the default model. In PAGE the text between the two
markers is replaced. What is worse than the paper's models comes first. --check
only looks for the markers.
"""

import csv
import json
import pathlib
import sys

import h5py

OURS = "ridge_xgboost_extended"
PAPERS = {"xgboost_paper": "the paper's features",
          "xgboost_paper_by_family": "the paper's, a model a family"}
SCHEMES = {"kfold": "in corpus",
           "leave_one_dataset_out": "unseen data set",
           "leave_one_architecture_out": "unseen architecture",
           "test": "held out"}
FAMILIES = ["mlp", "rnn", "cnn", "transformer"]
BEGIN = "<!-- begin: scripts/validate_default_model.sh -->\n"
END = "<!-- end -->\n"


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def markdown(header, rows):
    lines = [header, ["---"] * len(header)] + rows
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def number(text):
    """A field of a table, '' where there is none."""
    return "" if text in ("", "not available") else text


def mae(groups, group):
    return f"{groups[group]['mae']:.2f}" if group in groups else ""


def papers_of(models, group):
    """{title: metrics} of the models with the paper's features."""
    found = {}
    for name, title in PAPERS.items():
        for suffix, calibrated in (("", ""), ("_calibrated", ", calibrated")):
            metrics = models.get(name + suffix, {}).get(group)
            if metrics:
                found[title + calibrated] = metrics
    return found


def worse_than_the_papers(metrics):
    """A line for each group where a model with the paper's features is better
    than the default predictor."""
    lines = []
    for scheme, title in SCHEMES.items():
        for group, ours in metrics[scheme][OURS].items():
            if not group.startswith(("family=", "dataset=")):
                continue
            papers = papers_of(metrics[scheme], group)
            for measure, better in (("mae", min), ("avg_accuracy", max)):
                name = better(papers, key=lambda n: papers[n][measure])
                best, own = (f"{value[measure]:.2f}"
                             for value in (papers[name], ours))
                if best == own or better(best, own, key=float) == own:
                    continue
                lines.append(f"- {title}, {group.split('=')[1]}: "
                             f"{'MAE' if measure == 'mae' else 'AvgAccuracy'} "
                             f"{own}; {name}: {best}\n")
    return lines or ["- nothing\n"]


def errors(metrics):
    """MAE by scheme, model and family, and the ratio."""
    families = [f for f in FAMILIES
                if f"family={f}" in metrics["kfold"][OURS]]
    rows = []
    for scheme in list(SCHEMES)[:3]:
        models = metrics[scheme]
        for model, title in (PAPERS | {OURS: "the default"}).items():
            rows.append([f"{SCHEMES[scheme]}, {title}"] +
                        [mae(models[model], f"family={f}") for f in families] +
                        [mae(models[model], "overall")])
        rows.append(["ratio to the paper's features"] + [
            f"{models[OURS][g]['mae'] / models['xgboost_paper'][g]['mae']:.2f}"
            for g in [f"family={f}" for f in families] + ["overall"]])
    floor = metrics["kfold"]["floor"]
    rows.append(["noise floor, rows without variant"] +
                [mae(floor, f"family={f}") for f in families] +
                [mae(floor, "overall")])
    rows.append(["rows"] + [f"{metrics['kfold'][OURS][g]['rows']:,}"
                            for g in [f"family={f}" for f in families] +
                            ["overall"]])
    return markdown(["MAE, steps"] + families + ["all"], rows)


def test_rows(metrics, coverage, groups):
    """The default predictor on test rows, beside the paper's features."""
    covered = {row["group"]: float(row["covered"]) for row in coverage
               if row["scheme"] == "test"}
    ours = metrics["test"][OURS]
    rows = []
    for group in groups:
        if group not in ours:
            continue
        cells = [group.split("=")[-1], f"{ours[group]['rows']:,}"]
        for name in ["xgboost_paper", "xgboost_paper_by_family", OURS]:
            metric = metrics["test"][name][group]
            cells.append(f"{metric['mae']:.2f} / {metric['avg_accuracy']:.2f}")
        rows.append(cells + [f"{100 * covered[group]:.1f} %"])
    return markdown(["", "rows"] + list(PAPERS.values()) +
                    ["the default", "90 % intervals cover"], rows)


def coverage_table(coverage):
    schemes = list(SCHEMES)[:3]
    covered = {(row["scheme"], row["group"]): float(row["covered"])
               for row in coverage}
    groups = sorted({group for scheme, group in covered if scheme in schemes},
                    key=lambda group: (group != "overall",
                                       group.startswith("dataset"), group))
    rows = [[group.split("=")[-1]] +
            [f"{100 * covered[scheme, group]:.1f} %"
             if (scheme, group) in covered else "" for scheme in schemes]
            for group in groups]
    return markdown(["90 % intervals cover"] +
                    [SCHEMES[scheme] for scheme in schemes], rows)


def table1(plain):
    """Of each method the calibrated figures, as the paper has them; ours as it
    is."""
    wanted = {"NTKL": "ntkl_calibrated", "SL": "sl_calibrated",
              "LCE": "lce_calibrated",
              "CAPE": "xgboost_paper_by_family_calibrated",
              "ours": OURS}
    found = {(row["family"], row["model"]): row for row in plain}
    families = [f for f in FAMILIES if (f, OURS) in found]
    rows = []
    for method, model in wanted.items():
        cells = [method, f"`{model}`"]
        for family in families:
            row = found[family, model]
            cells.append(f"{number(row['mae'])} / {number(row['avg_accuracy'])}"
                         if number(row["mae"]) else "")
            cells.append(f"{row['paper_mae']} / {row['paper_avg_accuracy']}"
                         if row["paper_mae"] else "")
        rows.append(cells)
    header = ["method", "model"]
    for family in families:
        header += [family, "paper"]
    return markdown(header, rows)


def paired(rows, first, columns, paper):
    """Columns with `paper`'s suffix beside them."""
    header = [first]
    for column in columns:
        header += [column, "paper"]
    return markdown(header, [
        [row[first]] + [number(row.get(name, ""))
                        for column in columns
                        for name in (column, column + paper)]
        for row in rows])


def table3(plain):
    wanted = {"NTKL": "ntkl_calibrated", "SL": "sl_calibrated",
              "CAPE": "xgboost_paper_by_family_calibrated", "ours": OURS}
    found = {(row["dataset"], row["model"]): row for row in plain
             if row["scheme"] == "leave_one_dataset_out"}
    datasets = sorted({dataset for dataset, _ in found})
    return markdown(["left out: MAE / AvgAccuracy"] + datasets, [
        [method] + [f"{row['mae']} / {row['avg_accuracy']}" if row else ""
                    for row in (found.get((dataset, model))
                                for dataset in datasets)]
        for method, model in wanted.items()])


def figure1(plain):
    wanted = {"NTKL": "ntkl_calibrated", "SL": "sl_calibrated",
              "CAPE": "xgboost_paper_by_family_calibrated"}
    found = {(row["column"], row["value"], row["model"]): row["mae"]
             for row in plain}
    points = list(dict.fromkeys(
        (row["column"], row["value"]) for row in plain
        if row["column"] in ("learning_rate", "batch_size")))
    return markdown(["MAE"] + [f"{column.replace('_', ' ')} {value}"
                               for column, value in points], [
        [method] + [number(found.get((*point, model), "")) for point in points]
        for method, model in wanted.items()])


def read_trials(paths):
    """{key: row} of shards, as HDF5 has them."""
    rows = {}
    for path in paths:
        with h5py.File(path) as file:
            for row in file["trials"][:]:
                rows[row["key"]] = row
    return rows


def equal(a, b):
    return a == b or (a != a and b != b)  # NaN


def same_rows(again, shard):
    """(rows measured again, those of them that came out the same)."""
    first = read_trials([shard])
    second = read_trials(sorted(again.glob("*.h5")))
    common = first.keys() & second.keys()
    if not common:
        sys.exit(f"{again} has no row of {shard}")
    with h5py.File(shard) as file:
        names = [column["name"].decode() for column in file["columns"][:]
                 if not column["volatile"]]
    same = sum(all(equal(first[key][n], second[key][n]) for n in names)
               for key in common)
    return len(common), same


def seconds_a_row(shard):
    """Mean seconds of probe and training over the rows that came of them."""
    rows = read_trials([shard]).values()
    runs = {}
    for row in rows:
        steps, _ = runs.get(row["trajectory"], (0, None))
        runs[row["trajectory"]] = (max(steps, int(row["steps_run"])), row)
    total = sum(float(row["probe_seconds"]) + steps * float(row["step_seconds"])
                for steps, row in runs.values())
    return total / len(rows)


def main(work, data, page):
    heldout, fresh, plain = (work / name
                             for name in ("heldout", "fresh_model", "plain"))
    metrics = json.loads((heldout / "metrics.json").read_text())
    coverage = read_csv(heldout / "tables" / "coverage.csv")
    fresh_metrics = json.loads((fresh / "metrics.json").read_text())
    fresh_coverage = read_csv(fresh / "tables" / "coverage.csv")
    tables = {name: read_csv(plain / "tables" / f"{name}.csv")
              for name in ("table1", "table2", "table3", "table4", "figure1")}
    cape = json.loads((data / "model" / "cape.json").read_text())
    models = {(path / "model.json").read_bytes()
              for path in (heldout, fresh, data / "model")}
    measured, same = same_rows(work / "again" / "mlp", data / "mlp.h5")
    families = [f"family={family}" for family in FAMILIES]
    datasets = [name.removesuffix("_paper") for name in tables["table2"][0]
                if name.endswith("_paper")]
    shards = sorted(data.glob("*.h5")) + sorted(data.glob("heldout/*.h5"))

    text = f"""
The default predictor, of {cape['rows']:,} rows and {cape['trajectories']:,}
trajectories in `data/`, against models with the paper's features and settings
fitted on the same rows. Where those are better:

{''.join(worse_than_the_papers(metrics))}
### Errors by family

Three folds by trajectory; each data set left out with all its variants; each
architecture left out.

{errors(metrics)}
### Held out: SVHN and IMDB

MAE / AvgAccuracy, by data set and by family. The paper, whose trials are not
these: IMDB 25.63 / 0.68, SVHN 31.64 / 0.51.

{test_rows(metrics, coverage, ["dataset=imdb", "dataset=svhn"] + families)}
### Fresh trials

Another master seed: other networks on other batches of the four data sets,
without variants. MAE / AvgAccuracy.

{test_rows(fresh_metrics, fresh_coverage, families + ["overall"])}
### Intervals

{coverage_table(coverage)}
### The paper's tables from our rows

Rows without variants. "paper" is what the paper prints, of its rows and its
procedure, whose caveats are beside the tables of `cape_fit --paper-tables`.

Table 1, MAE / AvgAccuracy in corpus:

{table1(tables['table1'])}
Table 2, MAE without a feature:

{paired(tables['table2'], 'without', datasets, '_paper')}
Table 3, one data set left out:

{table3(tables['table3'])}
Table 4, MAE by regressor:

{paired(tables['table4'], 'regressor',
        [f for f in FAMILIES if f in tables['table4'][0]], '_paper')}
Figure 1:

{figure1(tables['figure1'])}
### Determinism and cost

Fitted three times on `data/*.h5`, `model.json` was
{'the same to the last byte' if len(models) == 1 else
 f'NOT the same: {len(models)} different files'}. Of {measured:,} rows of
`data/mlp.h5` that were measured again, {same:,} came out the same in every
feature and in T\\*.

{markdown(["", "rows", "seconds a row, one core"],
          [[f"`{path.relative_to(data)}`", f"{len(read_trials([path])):,}",
            f"{seconds_a_row(path):.2g}"] for path in shards])}"""
    before, after = around(page)
    page.write_text(before + text + after)


def around(page):
    """What is before and behind the text between the markers."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{page} has no lines {BEGIN.strip()} and {END.strip()}")
    return before + begin, end + after


if __name__ == "__main__":
    paths = [pathlib.Path(argument) for argument in sys.argv[1:]]
    if sys.argv[1] == "--check":
        around(paths[1])
    else:
        main(*paths)
