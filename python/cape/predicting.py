"""Predictions from probes, by the program cape_predict."""

import math
import os

from cape.checks import number, one_or_more, whole
from cape.errors import CapeError
from cape.probing import probe as take_probe
from cape.programs import predict_probed
from cape.training import FIRST_STEPS

_NAN = float("nan")


def predict(what, inputs=None, targets=None, *, epsilon=0.1, patience=None,
            model_dir=None, frame=None, **options):
    """Predicts how many optimizer steps on this batch a network needs until
    its loss is epsilon times the initial loss, without training it; or, of
    probes with `samples`, how many epochs a whole training takes.

    what: what `cape.probe` gave, or a list of these; or a module, which is then
        probed with `inputs`, `targets` and the further options of `cape.probe`.
        There `learning_rate` may be a list, too: each of its values is a probe
        of its own.
    epsilon: a number between 0 and 1, or a list. Of a whole training it may be
        None, and is the share of its training loss.
    patience: of a whole training, a number of epochs or a list: also predict
        when early stopping ends it.
    model_dir: a model directory of cape_fit; None is the model that comes with
        the programs.
    frame: True: a pandas.DataFrame; False: a list of dicts; None: a DataFrame
        where pandas is installed, else a list of dicts.

    One row, or dict, for each probe and epsilon:

        architecture, learning_rate, batch_size, epsilon
                    as asked
        t_star      the predicted optimizer steps, not rounded; NaN: never,
                    since the training ended in its first steps
        lower, upper  the ends of the interval (of 90 % with the default model)
        seconds     t_star times step_seconds, the time of a step of this
                    module on its device, as `cape.probe` has measured it
        step_seconds  that time
        convergence the probability of getting there within max_steps; NaN:
                    not known
        model       what answered: "measured", "general", "first steps" or
                    "trained"
        beyond      what is new to the model, a text: docs/predicting.md

    Of a whole training there is a row for each epsilon and then for each
    patience, and t_star, lower and upper are its steps. There are also

        until       "loss 0.1" or "patience 5"
        epochs, epochs_lower, epochs_upper  the same in epochs

    Raises CapeError: with the message of cape_predict where it refuses
    something, where there is no cape_predict, and as `cape.probe` does.
    """
    probes = _probes(what, inputs, targets, options)
    arguments = _option_for_steps(probes)
    if model_dir is not None:
        arguments += ["--model", os.path.expanduser(str(model_dir))]
    lines = [line for one in probes
             for line in _lines(one, epsilon, patience)]
    answer = predict_probed(lines, *arguments)
    return _table([_row(one) for one in answer["predictions"]], frame)


def _option_for_steps(probes):
    """--steps for the first losses of the probes, which the program wants of
    every line or of none."""
    def ends(losses):
        return losses[-1] is None or not math.isfinite(losses[-1])

    losses = [one["first_losses"] for one in probes if "first_losses" in one]
    if not losses:
        return []
    longest = max(len(one) for one in losses) - 1
    steps = min((count for count in FIRST_STEPS if count >= longest),
                default=FIRST_STEPS[-1])
    # A training that ends before has no more losses.
    shorter = [one for one in losses if len(one) <= steps and not ends(one)]
    if len(losses) < len(probes) or shorter:
        raise CapeError("the probes were taken with different `steps`; predict "
                        "them apart")
    return ["--steps", str(steps)]


def _is_training(probe):
    return probe.get("target") == "full_training"


def _lines(probe, epsilon, patience):
    """A line for each criterion."""
    if not _is_training(probe):
        if patience is not None:
            raise CapeError("patience is for whole trainings: give `samples`, "
                            "the number of samples that the network is trained "
                            "on")
        return [probe | {"epsilon": one_or_more("epsilon", epsilon, number)}]
    patiences = ([] if patience is None else
                 one_or_more("patience", patience, _epochs))
    lines = []
    if epsilon is not None:
        # The training goes on until the longest patience has ended.
        longest = {"patience": max(patiences)} if patiences else {}
        lines.append(probe | longest |
                     {"epsilon": one_or_more("epsilon", epsilon, number)})
    if patiences:
        lines.append(probe | {"criterion": "early_stopping",
                              "patience": patiences})
    if not lines:
        raise CapeError("give epsilon, patience or both")
    return lines


def _epochs(name, value):
    return whole(name, value, least=1)


def _probes(what, inputs, targets, options):
    if isinstance(what, dict):
        what = [what]
    if isinstance(what, (list, tuple)):
        if inputs is not None or targets is not None or options:
            raise CapeError("a probe is predicted without inputs, targets and "
                            "options: it has all that it needs")
        if not what or not all(isinstance(one, dict) for one in what):
            raise CapeError("probes must be dicts of cape.probe, at least one")
        return list(what)
    rates = options.pop("learning_rate", None)
    rates = ([None] if rates is None else
             one_or_more("learning_rate", rates, number))
    return [take_probe(what, inputs, targets, learning_rate=rate, **options)
            for rate in rates]


def _number(value):
    """A null of JSON is NaN, also as an end of an interval."""
    if isinstance(value, list):
        return [_number(each) for each in value]
    return _NAN if value is None else value


def _row(one):
    one = {key: _number(value) for key, value in one.items()}
    lower, upper = one["interval"]
    row = {key: one[key] for key in ("architecture", "learning_rate",
                                     "batch_size")}
    if _is_training(one):
        low, high = one["epochs_interval"]
        is_loss = one["criterion"] == "epsilon"
        row |= {"until": f"loss {one['epsilon']:g}" if is_loss
                         else f"patience {one['patience']}",
                "epochs": one["epochs"], "epochs_lower": low,
                "epochs_upper": high}
    else:
        row["epsilon"] = one["epsilon"]
    row |= {"t_star": one["t_star"], "lower": lower, "upper": upper}
    for key in ("seconds", "step_seconds", "convergence"):
        row[key] = one[key]
    return row | {"model": one["model"],
                  "beyond": ", ".join(one["unseen"] + one["extrapolated"])}


def _table(rows, frame):
    if frame is False:
        return rows
    try:
        import pandas  # pylint: disable=import-outside-toplevel
    except ImportError:
        if frame:
            raise CapeError("frame=True needs pandas, which is not installed: "
                            "pip install pandas") from None
        return rows
    return pandas.DataFrame(rows)
