"""The first steps of the training itself."""

import math
import statistics
import time

import torch

from cape.untouched import synchronize

#: How many first steps a prediction can use the losses of.
FIRST_STEPS = (8, 32)

#: Enough for a median of steps of a small network, and short beside the probe.
_TIMED_STEPS = 15

#: Seconds that all timed steps may take: of a longer step one is enough.
_LONG = 0.1


class _Training:
    """Updates on one batch, with the optimizer's own, in training mode.
    Changes the module."""

    def __init__(self, model, batch, objective, settings):
        model.train()
        self._model, self._batch = model, batch
        self._objective = objective
        # The optimizer changes the same numbers by another tensor, so that a
        # graph of the caller does not see that they were changed in between.
        self._parameters = [(p, p.data) for p in model.parameters()
                            if p.requires_grad]
        self._optimizer = settings.build(self._parameters)
        self._loss = None

    def loss(self):
        self._loss = self._objective.mean_loss(self._batch.call(self._model),
                                               self._batch.targets)
        return self._loss.item()

    def update(self):
        for parameter, _ in self._parameters:
            parameter.grad = None
        self._loss.backward()
        for parameter, same in self._parameters:
            same.grad = parameter.grad
            if same.grad is not None and same.grad.is_sparse:
                same.grad = same.grad.to_dense()  # what Adam does not take
        self._optimizer.step()


def _seconds_since(start, model):
    synchronize(model)
    return time.perf_counter() - start


def timed_steps(model, batch, objective, settings):
    """The loss before the training, and the median time of an update with the
    forward pass that follows it, without the first, which sets things up.
    Changes the module."""
    training = _Training(model, batch, objective, settings)
    initial = training.loss()
    synchronize(model)
    seconds = []
    while len(seconds) <= _TIMED_STEPS:
        start = time.perf_counter()
        training.update()
        training.loss()
        seconds.append(_seconds_since(start, model))
        if len(seconds) > 1 and sum(seconds) > _LONG:
            break
    return {"initial_loss": initial,
            "step_seconds": statistics.median(seconds[1:])}


def first_losses(steps, model, batch, objective, settings):
    """The losses after 0 to `steps` steps of the training, as `first_losses`,
    and what timed_steps gives. They end with the first one that is not finite.
    Changes the module."""
    training = _Training(model, batch, objective, settings)
    losses = [training.loss()]
    start, timed = None, 0
    while len(losses) <= steps and math.isfinite(losses[-1]):
        training.update()
        losses.append(training.loss())
        if start is None:
            synchronize(model)
            start = time.perf_counter()
        else:
            timed += 1
    seconds = (_seconds_since(start, model) / timed if timed else float("nan"))
    return {"initial_loss": losses[0], "step_seconds": seconds,
            "first_losses": losses}
