#!/usr/bin/env python3
"""Writes what scripts/validate_default_model.sh measured into a page.

    scripts/validation_tables.py WORK DATA PAGE
    scripts/validation_tables.py --check DATA PAGE

WORK has the fits (heldout, fresh_model, plain) and runs (fresh, again) of that
script, DATA the shards and the default model. In PAGE the text between the two
markers is replaced. What is worse than the paper's models comes first. --check
only looks whether the model is one of these shards, and for the markers.
"""

import csv
import gzip
import json
import pathlib
import sys
import textwrap

import h5py

import paper_tables
from paper_tables import FAMILIES, HELD_OUT, OURS, markdown

PAPERS = {"xgboost_paper": "the paper's features",
          "xgboost_paper_by_family": "the paper's, a model a family"}
SCHEMES = {"kfold": "in corpus",
           "leave_one_dataset_out": "unseen data set",
           "leave_one_architecture_out": "unseen architecture",
           "test": "held out"}
# What was aimed at before anything was measured: MAE over that with the paper's
# features, in corpus and with a data set left out; AvgAccuracy; coverage.
MOST_IN_CORPUS = {"mlp": 0.45, "cnn": 0.48, "rnn": 0.62, "transformer": 0.75}
MOST_UNSEEN = 0.6
LEAST_ACCURACY = {"imdb": 0.75, "svhn": 0.70}
COVERED_IN_CORPUS = 0.88, 0.92
LEAST_COVERED = 0.8  # what covers less is said first
BEGIN = "<!-- begin: scripts/validate_default_model.sh -->\n"
END = "<!-- end -->\n"


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


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


def title_of(group):
    return group.split("=")[-1]


def parts_of(groups):
    """The groups that are a family or a data set."""
    return [group for group in groups
            if group.startswith(("family=", "dataset="))]


def worse(where, papers, ours):
    """A line for each measure in which a model of {title: metrics} is better
    than ours."""
    lines = []
    for measure, title, better in (("mae", "MAE", min),
                                   ("avg_accuracy", "AvgAccuracy", max)):
        name = better(papers, key=lambda n: papers[n][measure], default=None)
        if name is None:
            continue
        best, own = (f"{float(value[measure]):.2f}"
                     for value in (papers[name], ours))
        if best != own and better(best, own, key=float) == best:
            lines.append(f"- {where}: {title} {own}; {name}: {best}\n")
    return lines


def worse_than_on_these_rows(metrics):
    """Where a model with the paper's features is better than ours."""
    return [line for scheme, title in SCHEMES.items()
            for group in parts_of(metrics[scheme][OURS])
            for line in worse(f"{title}, {title_of(group)}",
                              papers_of(metrics[scheme], group),
                              metrics[scheme][OURS][group])]


def printed(table, column, value):
    """What the paper prints of CAPE for a family or a data set, as metrics."""
    for row in table:
        if (row["method"] == "CAPE" and row[column] == value and
                row["paper_mae"]):
            return {"mae": float(row["paper_mae"]),
                    "avg_accuracy": float(row["paper_avg_accuracy"])}
    return None


def worse_than_printed(metrics, plain, tables):
    """Where CAPE was better on the paper's rows than ours is on these."""
    places = [("held out", metrics["test"][OURS], "table3", "dataset", name)
              for name in HELD_OUT]
    places += [("in corpus, rows without variants", plain["kfold"][OURS],
                "table1", "family", name) for name in FAMILIES]
    lines = []
    for title, ours, table, column, name in places:
        figures = printed(tables[table], column, name)
        group = f"{column}={name}"
        if figures and group in ours:
            lines += worse(f"{title}, {name}", {"the paper": figures},
                           ours[group])
    return lines


def covered_too_little(coverage):
    return [f"- {SCHEMES[row['scheme']]}, {title_of(row['group'])}: "
            f"{100 * float(row['covered']):.1f} % of {int(row['rows']):,} rows\n"
            for row in coverage if parts_of([row["group"]]) and
            round(float(row["covered"]), 3) < LEAST_COVERED]


def listed(lines):
    return "".join(lines) or "- nowhere\n"


def ratio(models, group):
    return models[OURS][group]["mae"] / models["xgboost_paper"][group]["mae"]


def aims(metrics, coverage):
    """What was aimed at, what came out, and whether it is enough."""
    rows = []

    def add(what, aim, reached, is_enough):
        rows.append([what, aim, reached, "yes" if is_enough else "no"])

    for family, most in MOST_IN_CORPUS.items():
        if f"family={family}" in metrics["kfold"][OURS]:
            reached = ratio(metrics["kfold"], f"family={family}")
            add(f"in corpus, {family}: MAE over that of the paper's features",
                f"at most {most:.2f}", f"{reached:.2f}", reached <= most)
    reached = ratio(metrics["leave_one_dataset_out"], "overall")
    add("unseen data set: the same", f"at most {MOST_UNSEEN:.2f}",
        f"{reached:.2f}", reached <= MOST_UNSEEN)
    for dataset, least in LEAST_ACCURACY.items():
        if f"dataset={dataset}" in metrics["test"][OURS]:
            reached = (metrics["test"][OURS][f"dataset={dataset}"]
                       ["avg_accuracy"])
            add(f"held out, {dataset}: AvgAccuracy", f"at least {least:.2f}",
                f"{reached:.2f}", reached >= least)
    least, most = COVERED_IN_CORPUS
    for row in coverage:
        if row["scheme"] == "kfold" and (row["group"] == "overall" or
                                         row["group"].startswith("family=")):
            reached = float(row["covered"])
            add(f"in corpus, {title_of(row['group'])}: 90 % intervals cover",
                f"{100 * least:.0f} % to {100 * most:.0f} %",
                f"{100 * reached:.1f} %", least <= reached <= most)
    return markdown(["", "aim", "reached", "is it enough?"], rows)


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
            f"{ratio(models, g):.2f}"
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


def censored(models):
    """What rows that did not converge do to the errors."""
    group = models[OURS].get("converged=false")
    if not group:
        return "All rows converged.\n"
    others = [f"{models[name]['converged=true']['mae']:.2f} ({title})"
              for name, title in (PAPERS | {OURS: "the default"}).items()]
    return textwrap.fill(
        f"{group['rows']} rows did not converge and count as 5,000 steps, which "
        "makes most of the errors above that are over 100. MAE of the others: "
        f"{', '.join(others)}.", 84) + "\n"


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


def stable_columns(shard):
    """Those that the same cell has the same values in."""
    with h5py.File(shard) as file:
        return {column["name"].decode() for column in file["columns"][:]
                if not column["volatile"]}


def same_rows(again, shard):
    """(rows measured again, those of them that came out the same)."""
    first = read_trials([shard])
    second = read_trials(sorted(again.glob("*.h5")))
    common = first.keys() & second.keys()
    if not common:
        sys.exit(f"{again} has no row of {shard}")
    # Not what only the older program measured.
    names = stable_columns(shard) & stable_columns(next(again.glob("*.h5")))
    # Of the program, not of what it measured: later ones measure more.
    names.remove("probe_version")
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


def shards_in(data):
    """Those that the default model of steps on one batch is fitted or scored on."""
    return [path for folder in (data, data / "heldout", data / "diverse")
            for path in sorted(folder.glob("*.h5"))]


def name_in(data, path):
    """The path of a shard below the folder of the data, however it was typed."""
    parts = pathlib.Path(path).parts
    below = 2 if parts[-2:-1] and (data / parts[-2]).is_dir() else 1
    return "/".join(parts[-below:])


def read_model(data):
    return json.loads(
        (data / "model" / "batch_steps" / "cape.json").read_text())


def read_fit(folder):
    return (json.loads((folder / "metrics.json").read_text()),
            read_csv(folder / "tables" / "coverage.csv"))


def part_of_model(directory, name):
    """The bytes of a file of a model directory, as the programs read it: of NAME,
    or else of NAME.gz; none where neither is there."""
    plain, packed = directory / name, directory / f"{name}.gz"
    if plain.exists():
        return plain.read_bytes()
    return gzip.decompress(packed.read_bytes()) if packed.exists() else None


def refitted(work, data):
    """Whether the fits of the same rows gave the same model."""
    fits = (work / "heldout", work / "fresh_model",
            data / "model" / "batch_steps")
    parts = ("model.json", "perceptron.json")
    models = [tuple(part_of_model(fit, name) for name in parts)
              for fit in fits if part_of_model(fit, parts[0])]
    if len(models) < 2:
        raise SystemExit(f"validation_tables: there are no two fits to compare; "
                         f"models are looked for in {', '.join(map(str, fits))}")
    return (f"Of {len(models)} fits of the same rows, `model.json` and "
            "`perceptron.json` were "
            + ("the same to the last byte. " if len(set(models)) == 1 else
               f"NOT the same: {len(set(models))} different models. "))


def fresh_trials(work, families):
    """The section of trials that no shard in data has; empty without them."""
    fit = work / "fresh_model"
    if not fit.exists():
        return ""
    return f"""### Fresh trials

Another master seed: other networks on other batches of the four data sets,
without variants. MAE / AvgAccuracy.

{test_rows(*read_fit(fit), families + ["overall"])}
"""


def main(work, data, page):
    heldout, plain = work / "heldout", work / "plain"
    metrics, coverage = read_fit(heldout)
    plain_metrics, plain_coverage = read_fit(plain)
    tables = {name: read_csv(plain / "tables" / f"{name}.csv")
              for name in paper_tables.NAMES}
    cape = read_model(data)
    measured, same = same_rows(work / "again" / "mlp", data / "mlp.h5")
    families = [f"family={family}" for family in FAMILIES]
    fresh = fresh_trials(work, families)

    text = f"""
The default predictor is fitted on the {cape['rows']:,} rows of {cape['trajectories']:,}
trajectories in `data/*.h5`, and on {cape['more_rows']:,} rows in `data/diverse` that are
not scored. It stands against models with the paper's features and settings, which are
fitted on the former alone. Where those are better:

{listed(worse_than_on_these_rows(metrics))}
Where they are, when both are fitted on rows without variants alone, as for the
paper's tables below:

{listed(worse_than_on_these_rows(plain_metrics))}
Where CAPE was better in the paper, on other trials than these:

{listed(worse_than_printed(metrics, plain_metrics, tables))}
Where 90 % intervals cover less than {100 * LEAST_COVERED:.0f} % of a family or of a data set:

{listed(covered_too_little(coverage))}
And when fitted on rows without variants alone:

{listed(covered_too_little(plain_coverage))}
### Aims

Set beforehand, for models fitted on the same rows; the default predictor has learnt
from those in `data/diverse` as well.

{aims(metrics, coverage)}
### Errors by family

{cape['folds']} folds by trajectory; each data set left out with all its variants;
architectures left out, several at a time where there are more than ten.

{errors(metrics)}
### Held out: SVHN and IMDB

MAE / AvgAccuracy, by data set and by family.

{test_rows(metrics, coverage,
           [f"dataset={name}" for name in HELD_OUT] + families)}
{censored(metrics["test"])}
{fresh}### Intervals

{coverage_table(coverage)}
{paper_tables.sections(tables)}
### Determinism and cost

{refitted(work, data)}Of {measured:,} rows of `data/mlp.h5` that were measured again,
{same:,} came out the same in every feature and in T\\*.

{markdown(["", "rows", "seconds a row, one core"],
          [[f"`{path.relative_to(data)}`", f"{len(read_trials([path])):,}",
            f"{seconds_a_row(path):.2g}"] for path in shards_in(data)])}"""
    before, after = around(page)
    page.write_text(before + text + after)


def around(page):
    """What is before and behind the text between the markers."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{page} has no lines {BEGIN.strip()} and {END.strip()}")
    return before + begin, end + after


def rows_in(shard):
    with h5py.File(shard) as file:
        return len(file["trials"])


def check(data, page):
    around(page)
    if not (data / "model" / "batch_steps" / "cape.json").exists():
        sys.exit(f"there is no {data}/model; scripts/make_default_model.sh makes "
                 "it")
    fitted = {name_in(data, entry["path"]): entry["rows"]
              for entry in read_model(data)["inputs"]}
    there = {name_in(data, path): rows_in(path) for path in shards_in(data)}
    other = [f"{name} ({fitted.get(name, 0):,} rows then, "
             f"{there.get(name, 0):,} now)"
             for name in sorted(fitted.keys() | there.keys())
             if fitted.get(name, 0) != there.get(name, 0)]
    if other:
        sys.exit(f"{data}/model was fitted on other rows than there are: "
                 f"{', '.join(other)}; fit it again: "
                 "scripts/make_default_model.sh")


if __name__ == "__main__":
    paths = [pathlib.Path(argument) for argument in sys.argv[1:]]
    if sys.argv[1] == "--check":
        check(*paths[1:])
    else:
        main(*paths)
