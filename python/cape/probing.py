"""The probe of a module of PyTorch: docs/trial_protocol.md, section 4."""

import contextlib
import math
import time

import torch

from cape.batch import Batch
from cape.checks import number, whole
from cape.dropout import dropout_rate, train_without_dropout
from cape.errors import CapeError
from cape.features import (NAN, batch_features, network_features,
                           root_mean_square)
from cape.norms import gradients, real_numbers, sample_norms
from cape.objective import Objective
from cape.optimizer import Optimizer
from cape.sets import (evaluation_seconds, samples_needed, set_features,
                       training_loss)
from cape.training import FIRST_STEPS, first_losses, timed_steps
from cape.untouched import Untouched, repeated_dims

#: In learning rates, as in the columns' names.
_TRAINING_STEPS = (1, 2, 4, 8)

#: Without them there is nothing to predict from.
_REQUIRED = ("log_p", "log_g2", "log_tau")


def probe(model, inputs, targets, *, learning_rate=None, loss=None,
          optimizer="adamw", task=None, steps=0, name=None, dataset="",
          max_steps=5000, samples=None, batch_size=None, max_epochs=100,
          min_delta=1e-4, validation_samples=None):
    """Looks at an untrained network once, on one batch.

    model: any torch.nn.Module whose output for a sample does not depend on the
        other samples in evaluation mode.
    inputs: the B samples of the batch, as the network is trained on them: a
        tensor [B, ...] is its only argument, a tuple or list are several
        arguments, a dict or another mapping is keyword arguments. Of what is
        inside, tensors whose first dimension is B have a part for each sample.
        The module gets copies of all tensors.
    targets: a tensor: [B] classes (int64); [B, ...] classes of several steps;
        [B], [B, K] numbers; [B, L] zeros and ones.
    learning_rate: above 0; may be left out where the optimizer has one.
    loss: what is called with the module's output and the targets and gives the
        mean over the samples. None is the task's own loss: cross-entropy, half
        of the squared error, binary cross-entropy of logits.
    optimizer: "adamw", "adam" or "sgd"; a dict with `kind` and settings
        (weight_decay; of sgd also momentum and nesterov); or a
        torch.optim.AdamW, Adam or SGD, of which the settings are read.
    task: "classification", "regression", "sequence" or "multilabel"; found from
        the loss, the targets and the outputs where it is None.
    steps: 0, or 8 or 32: also take the first 8 or 32 steps of the training,
        whose losses make predictions much better; not of a whole training.
    name: of the network, for tables; its class where it is None.
    dataset: its name, where the predictor can know it ("fashion_mnist").
    max_steps: the cap on the predicted steps; rows have 5000.

    For whole trainings (the target full_training) there are also

    samples: N, how many samples the network is trained on. `inputs` and
        `targets` are then samples of these, in random order: at least
        min(800, N), and better 1,000. The first `batch_size` are the batch that
        is probed, all of them show what the data are like.
    batch_size: B, of the mini-batches.
    max_epochs, min_delta: when the training ends, and by how much a validation
        loss must be below the best one to count as an improvement.
    validation_samples: how many samples are evaluated after each epoch; None is
        a tenth of N, at least 100 and at most 5,000.

    Returns a dict: the columns of docs/probe_format.md, a missing number being
    NaN. It holds all that `cape.predict` takes beside epsilon.

    The module, its buffers, modes and gradients and the state of Torch's random
    generators are afterwards as they were before, to the bit. Raises CapeError
    where the batch, the task or the optimizer cannot be used, and where the
    gradients are not finite.
    """
    model = _unwrapped(model)
    steps = whole("steps", steps)
    if steps not in (0, *FIRST_STEPS):
        raise CapeError(f"steps must be 0, 8 or 32 (found {steps})")
    max_steps = whole("max_steps", max_steps, least=1)
    if batch_size is not None:
        batch_size = whole("batch_size", batch_size)
    _check_texts(name=name or "", dataset=dataset)
    settings = Optimizer(optimizer, learning_rate)
    given = Batch(inputs, targets)
    training = _whole_training(given, samples, batch_size, steps, max_epochs,
                               min_delta, validation_samples)
    batch = given.part(slice(0, batch_size)) if training else given
    parameters = _trainable_parameters(model)
    settings.check_parameters(parameters)
    with (_single_values_named(), torch.inference_mode(False),
          Untouched(model) as untouched):
        started = time.perf_counter()
        with torch.enable_grad():
            columns = _look(model, parameters, batch, loss, task, settings,
                            untouched)
        objective = columns.pop("objective")
        columns["probe_seconds"] = time.perf_counter() - started
        # The losses of a training begin with the state and the random numbers
        # of the caller.
        untouched.put_back()
        untouched.random_state.rewind()
        with torch.enable_grad():
            if steps:
                columns |= first_losses(steps, model, batch, objective,
                                        settings)
            else:
                columns |= timed_steps(model, batch, objective, settings)
    if training:
        objective.check_more(given.targets)
        with (_single_values_named(), torch.inference_mode(False),
              Untouched(model)):
            columns |= training | _look_at_set(model, given, objective, training)
    device = next(iter(parameters.values())).device
    identity = {
        "family": "python", "architecture": name or type(model).__name__,
        "dataset": dataset, "task": objective.task, "target": "batch_steps",
        "learning_rate": settings.learning_rate, "batch_size": batch.size,
        "max_steps": max_steps} | settings.columns()
    if training:
        del identity["max_steps"]  # follows from the epochs
    return identity | columns | {"device": str(device),
                                 "threads": torch.get_num_threads()}


def _unwrapped(model):
    """The module inside of what compiles it or shares out its batches."""
    if isinstance(model, type) and issubclass(model, torch.nn.Module):
        raise CapeError(f"model is the class {model.__name__}, but must be a "
                        f"module of it: {model.__name__}(...)")
    if not isinstance(model, torch.nn.Module):
        raise CapeError("model must be a torch.nn.Module (found "
                        f"{type(model).__name__})")
    if isinstance(model, (torch.nn.DataParallel,
                          torch.nn.parallel.DistributedDataParallel)):
        return _unwrapped(model.module)
    compiled = getattr(model, "_orig_mod", None)  # of torch.compile
    return model if compiled is None else _unwrapped(compiled)


@contextlib.contextmanager
def _single_values_named():
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise CapeError("batch norm has no deviation of a single value "
                        f"({error}); give a batch of at least 2 samples"
                        ) from error


def _check_texts(**texts):
    for name, text in texts.items():
        if not isinstance(text, str):
            raise CapeError(f"{name} must be a text (found {text!r})")


def _trainable_parameters(model):
    """By their names."""
    for key, value in [*model.named_parameters(), *model.named_buffers()]:
        if torch.nn.parameter.is_lazy(value):
            raise CapeError(f"{key} of the module is not initialised yet, as "
                            "in torch.nn.LazyLinear; call the module once on a "
                            "batch before it is probed")
    parameters = {key: value for key, value in model.named_parameters()
                  if value.requires_grad}
    if not parameters:
        raise CapeError("the module has no trainable parameters")
    for key, value in parameters.items():
        if value.is_meta:
            raise CapeError(f"the parameter {key} is on the device meta, where "
                            "it has no numbers; make the module on the device "
                            "on which it is trained")
        if value.is_inference():
            raise CapeError(f"the parameter {key} was made inside of "
                            "torch.inference_mode(), so it cannot be trained; "
                            "make the module outside of it")
        if repeated_dims(value):
            raise CapeError(
                f"the parameter {key} repeats the same memory, as expand() "
                "gives it, so no optimizer can update it; make it of "
                "contiguous() of the tensor")
    return parameters


def _whole_training(given, samples, batch_size, steps, max_epochs, min_delta,
                    validation_samples):
    """The columns of a whole training that were chosen; empty where the question
    is about steps on one batch."""
    if samples is None:
        if batch_size not in (None, given.size):
            raise CapeError(f"batch_size is {batch_size}, but there are "
                            f"{given.size} targets; the batch is what is given,"
                            " unless `samples` says how many samples the whole "
                            "training has")
        return {}
    if steps:
        raise CapeError(f"steps={steps} is for steps on one batch, not for a "
                        "whole training, of whose mini-batches only some are "
                        "given; leave `steps` out")
    samples = whole("samples", samples, least=1)
    if batch_size is None or not 1 <= batch_size <= min(samples, given.size):
        raise CapeError(f"batch_size must be between 1 and samples={samples}, "
                        f"and at most the {given.size} samples that are given "
                        f"(found {batch_size})")
    needed = samples_needed(samples)
    if given.size < needed:
        raise CapeError(f"give at least {needed} of the {samples} samples of "
                        "the training, drawn at random: they show what the data"
                        f" are like (found {given.size})")
    if validation_samples is None:
        validation_samples = min(max(round(samples / 10), 100), 5000)
    return {"target": "full_training", "samples": samples,
            "max_epochs": whole("max_epochs", max_epochs, least=1),
            "min_delta": number("min_delta", min_delta, least=0),
            "validation_samples": whole("validation_samples",
                                        validation_samples, least=1)}


def _look_at_set(model, given, objective, training):
    samples = training["samples"]
    train_without_dropout(model)
    initial = training_loss(model, given, objective, samples)
    return {"initial_loss": initial,
            "evaluation_seconds": evaluation_seconds(
                model, given, objective, training["validation_samples"])} | \
        set_features(given, objective, samples)


def _outputs(model, batch, untouched):
    """What the module gives in its first state: passes can change buffers and
    attributes."""
    untouched.put_back()
    return batch.call(model)


def _look(model, parameters, batch, loss, task, settings, untouched):
    try:
        model.eval()
    except NotImplementedError as error:  # of torch.export
        raise CapeError(f"the module has no evaluation mode ({error}); give "
                        "the one from which it was made") from error
    # cuDNN's recurrent layers go backward in training mode alone.
    with torch.backends.cudnn.flags(enabled=False):
        with torch.no_grad():
            outputs = _outputs(model, batch, untouched)
            objective = Objective(task, loss, batch.targets, outputs)
        if objective.halves and not settings.takes_sign_steps:
            raise CapeError(
                "MSELoss has twice the gradient of the rows' loss, half of the "
                "squared error, so sgd takes steps that are twice as long; "
                "give loss=None and twice the learning rate")
        g2, tau = sample_norms(model, parameters, batch, objective,
                               untouched.put_back)
        evaluation = _evaluation_mode(model, parameters, batch, objective,
                                      untouched)
    logits = objective.logits(outputs, batch.targets)
    columns = {
        "objective": objective,
        "log_p": math.log(sum(real_numbers(p).numel()
                              for p in parameters.values())),
        "log_g2": _log(g2), "log_tau": _log(tau),
        "classes": objective.classes, "input_size": batch.sample_size(),
        "label_entropy": objective.label_entropy(batch.targets),
        "logit_spread": objective.logit_spread(logits)}
    for key in _REQUIRED:
        if not math.isfinite(columns[key]):
            raise CapeError(
                f"{key} of this network is not finite ({columns[key]}): nothing"
                " can be predicted; the weights and the batch must be finite, "
                "and the output for a sample must not depend on the others")
    # Tokens have no size.
    columns["input_rms"] = root_mean_square(batch.numbers(tokens=False))
    return (columns | evaluation |
            _training_mode(model, parameters, batch, objective, settings,
                           untouched) |
            batch_features(batch.numbers(), objective.labels(batch.targets),
                           objective.task, batch.is_of_tokens()) |
            network_features(model, objective.outputs) |
            {"dropout_rate": _dropout_rate(model, batch, untouched)})


def _dropout_rate(model, batch, untouched):
    if not _has_training_mode(model, batch):
        return NAN
    return dropout_rate(model, lambda: _outputs(model, batch, untouched),
                        untouched.random_state)


def _log(value):
    """NaN where there is no finite logarithm."""
    return math.log(value) if 0 < value < math.inf else NAN


def _sum(parts, power):
    """Of the absolute values to that power, in double precision."""
    return sum(torch.linalg.vector_norm(part, power, dtype=torch.float64)
               .item() ** power
               for part in parts if part is not None)


class _WeightLine:
    """Moves weights along a line from where they are."""

    def __init__(self, parameters, direction):
        self._parts = []  # numbers, what they were, and their direction
        for parameter, part in zip(parameters, direction):
            if part is not None:
                numbers = real_numbers(parameter.data)
                self._parts.append((numbers, numbers.clone(), part))

    def move_to(self, distance):
        """To the first weights minus `distance` times the direction."""
        for numbers, original, part in self._parts:
            numbers.copy_(torch.sub(original, part, alpha=distance))


def _signs(parts):
    return [None if part is None else part.sign() for part in parts]


def _evaluation_mode(model, parameters, batch, objective, untouched):
    loss = objective.mean_loss(_outputs(model, batch, untouched),
                               batch.targets)
    parts = gradients(loss, list(parameters.values()))
    return {"probe_loss": loss.item(), "log_mean_g2": _log(_sum(parts, 2))}


def _has_training_mode(model, batch):
    """Layers that keep the mean of all batches for evaluation have no deviation
    of a single sample."""
    return batch.size > 1 or not any(name.endswith("running_mean")
                                     for name, _ in model.named_buffers())


def _training_mode(model, parameters, batch, objective, settings, untouched):
    names = ["train_loss_0", "train_mean_gradient2", "train_gradient_l1",
             *(f"train_step_loss_{k}" for k in _TRAINING_STEPS),
             "probe_dropout"]
    if not _has_training_mode(model, batch):
        return dict.fromkeys(names, NAN)
    train_without_dropout(model)

    random_state = untouched.random_state

    def mean_loss():
        # Dropout that stays on has the same masks each time.
        random_state.rewind()
        return objective.mean_loss(_outputs(model, batch, untouched),
                                   batch.targets)

    values = list(parameters.values())
    loss = mean_loss()
    draws = random_state.has_advanced()
    parts = gradients(loss, values)
    start = loss.item()
    measured = [start, _sum(parts, 2), _sum(parts, 1)]
    direction = _signs(parts) if settings.takes_sign_steps else parts
    with torch.no_grad():
        line = _WeightLine(values, direction)
        for k in _TRAINING_STEPS:
            line.move_to(k * settings.learning_rate)
            measured.append(mean_loss().item() / start if start else NAN)
        line.move_to(0)
    random_state.rewind()
    return dict(zip(names, [value if math.isfinite(value) else NAN
                            for value in [*measured, float(draws)]]))
