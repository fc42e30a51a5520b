"""The part of scripts/validation_tables.py that is about the paper's tables, of
what `cape_fit --paper-tables` wrote.
"""

NAMES = "table1", "table2", "table3", "table4", "figure1"
FAMILIES = ["mlp", "rnn", "cnn", "transformer"]
HELD_OUT = ["imdb", "svhn"]
OURS = "blend_extended"
CAPE = "xgboost_paper_by_family"
NOT_AVAILABLE = "not available"
CALIBRATED = {"NTKL": "ntkl_calibrated", "SL": "sl_calibrated",
              "LCE": "lce_calibrated", "CAPE": f"{CAPE}_calibrated"}


def markdown(header, rows):
    lines = [header, ["---"] * len(header)] + rows
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def is_available(row):
    return row is not None and row["mae"] not in ("", NOT_AVAILABLE)


def few_rows(row, other):
    """Of how many rows a figure is, if of far fewer than the other."""
    few = (is_available(other) and
           int(row["rows"]) < 0.8 * int(other["rows"]))
    return f", {row['rows']} rows" if few else ""


def scored(row, of_ours):
    """MAE / AvgAccuracy of a row of a table."""
    if not is_available(row):
        return NOT_AVAILABLE
    return f"{row['mae']} / {row['avg_accuracy']}" + few_rows(row, of_ours)


def beside_paper(table, by, methods, columns):
    """A line for each method of [(name, model)], two columns for each value of
    the column `by`."""
    found = {(row[by], row["model"]): row for row in table}
    # Of what the rows do not give there is a line without a model.
    papers = {(row[by], row["method"]):
              f"{row['paper_mae']} / {row['paper_avg_accuracy']}"
              for row in table if row["paper_mae"]}
    header = ["method", "model"]
    for column in columns:
        header += [column, "paper"]
    rows = []
    for method, model in methods:
        cells = [method, f"`{model}`"]
        for column in columns:
            cells += [scored(found.get((column, model)),
                             found.get((column, OURS))),
                      papers.get((column, method), "")]
        rows.append(cells)
    return markdown(header, rows)


def table1(plain):
    """Of each method the calibrated figures, as the paper has them; ours as it
    is."""
    return beside_paper(plain, "family",
                        [*CALIBRATED.items(), ("ours", OURS)], FAMILIES)


def paired(rows, first, columns, paper):
    """Columns with `paper`'s suffix beside them."""
    header = [first]
    for column in columns:
        header += [column, "paper"]
    return markdown(header, [
        [row[first]] + [row.get(name, "")
                        for column in columns
                        for name in (column, column + paper)]
        for row in rows])


def table3(plain):
    held_out = [row for row in plain if row["scheme"] == "test"]
    methods = list(CALIBRATED.items())
    methods += [(f"{method}, as it is", model.removesuffix("_calibrated"))
                for method, model in methods]
    return beside_paper(held_out, "dataset", [*methods, ("ours", OURS)],
                        HELD_OUT)


def left_out(plain):
    found = {(row["dataset"], row["model"]): row for row in plain
             if row["scheme"] == "leave_one_dataset_out"}
    datasets = sorted({dataset for dataset, _ in found})
    return markdown(["left out"] + datasets, [
        [method] + [scored(found.get((dataset, model)),
                           found.get((dataset, OURS)))
                    for dataset in datasets]
        for method, model in [*CALIBRATED.items(), ("ours", OURS)]])


def figure1(plain):
    found = {(row["column"], row["value"], row["model"]): row
             for row in plain}
    points = list(dict.fromkeys(
        (row["column"], row["value"]) for row in plain
        if row["column"] in ("learning_rate", "batch_size")))
    rows = []
    for method, model in CALIBRATED.items():
        cells = [method]
        for point in points:
            row = found.get((*point, model))
            most = found.get((*point, CALIBRATED["CAPE"]))
            cells.append(row["mae"] + few_rows(row, most)
                         if is_available(row) else NOT_AVAILABLE)
        rows.append(cells)
    return markdown(["MAE"] + [f"{column.replace('_', ' ')} {value}"
                               for column, value in points], rows)


def sections(tables):
    """The text, of {name: rows}."""
    datasets = [name.removesuffix("_paper") for name in tables["table2"][0]
                if name.endswith("_paper")]
    families = [f for f in FAMILIES if f in tables["table4"][0]]
    return f"""\
### The paper's tables from our rows

Fitted on rows without variants. "paper" is what the paper prints, of its rows and
its procedure, whose caveats are beside the tables of `cape_fit --paper-tables`. A
calibrated method, as the paper has them, is not scored on the tenth of the
trajectories that calibrates it.

LCE extrapolates the first 60 losses of another trial of the same architecture,
data set, learning rate and batch size. A curve is as long as its training ran, and
most of these ended sooner (`train.record_at_least: 60` would record on): LCE has
few rows, then their number is beside the figure, or is not available.

Table 1, MAE / AvgAccuracy in corpus:

{table1(tables['table1'])}
Table 2, MAE without a feature:

{paired(tables['table2'], 'without', datasets, '_paper')}
Table 3, MAE / AvgAccuracy on data sets that were held out; "as it is" is without
calibration:

{table3(tables['table3'])}
Table 4, MAE by regressor:

{paired(tables['table4'], 'regressor', families, '_paper')}
Figure 1, of which the paper prints bars, without figures:

{figure1(tables['figure1'])}
### One data set left out, rows without variants

MAE / AvgAccuracy. The paper has no such table.

{left_out(tables['table3'])}"""
