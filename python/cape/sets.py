"""What more samples than a batch say of a whole training on a data set:
docs/trial_protocol.md, section 9."""

import math
import time

import torch

from cape.features import NAN, batch_features
from cape.untouched import synchronize

#: Samples that the columns of these names are of, at most.
_FEW, _MANY, _KERNEL = 100, 400, 800

#: Samples of the training loss, at most.
_LOSS = 1000

#: Samples of a forward pass, at most.
_TOGETHER = 256

#: Logarithms of the times of the kernel regression.
_TIMES = (0, 2, 4, 6, 8)

#: Fewer samples in a half say nothing.
_FEWEST = 8

_NAMES = [f"set_kernel_{which}_{k}" for which in ("training", "held_out")
          for k in _TIMES]


def samples_needed(samples):
    """How many of the samples of a training the columns are taken of."""
    return min(_KERNEL, samples)


def set_features(batch, objective, samples):
    """Of the first samples of a batch that holds samples_needed(samples) of
    those that a network is trained on; NaN is missing."""
    def first(most):
        part = batch.part(slice(0, min(most, samples)))
        return part.numbers(), objective.labels(part.targets)

    are_counts = batch.is_of_tokens()
    few = batch_features(*first(_FEW), objective.task, are_counts)
    many = batch_features(*first(_MANY), objective.task, are_counts)
    return {"set_agreement_100": few["neighbour_agreement"],
            "set_agreement_400": many["neighbour_agreement"],
            "set_rank_400": many["effective_rank"]} | \
        kernel_regression(*first(_KERNEL), objective.task)


def kernel_regression(x, labels, task):
    """Losses of a regression with a Gaussian kernel on one half of the samples,
    on that half and on the other; the mean of both ways."""
    missing = dict.fromkeys(_NAMES, NAN)
    half = x.shape[0] // 2
    x = x.cpu().double()
    if half < _FEWEST or not torch.isfinite(x).all():
        return missing
    y = _numbers_of(labels.cpu(), task)
    halves = [(x[:half], y[:half]), (x[half:2 * half], y[half:2 * half])]
    losses = [_losses(*learnt, *other)
              for learnt, other in (halves, reversed(halves))]
    if None in losses:
        return missing
    return {name: (a + b) / 2 for name, a, b in zip(_NAMES, *losses)}


def _numbers_of(labels, task):
    """Classes as zeros and ones, [samples, numbers]."""
    columns = labels.reshape(labels.shape[0], -1)
    if task in ("regression", "multilabel"):
        return columns.double()
    columns = columns - min(int(columns.min()), 0)
    return torch.nn.functional.one_hot(columns).flatten(1).double()


def _squared_distances(a, b):
    squares = a.square().sum(1)[:, None] + b.square().sum(1)[None, :]
    return (squares - 2 * a @ b.T).clamp_min(0)


def _losses(x, y, other_x, other_y):
    """Relative to those of the mean, in the order of _NAMES; None where there
    is nothing to learn."""
    distances = _squared_distances(x, x)
    width = distances.median()
    mean = y.mean(0)
    target, other_target = y - mean, other_y - mean
    scale = target.square().mean().item()
    other_scale = other_target.square().mean().item()
    if not (width > 0 and scale > 0 and other_scale > 0):
        return None
    values, vectors = torch.linalg.eigh(torch.exp(-distances / width))
    # Those that are zero but for rounding learn nothing.
    values = values.clamp_min(1e-10)
    shares = vectors.T @ target
    kernel = torch.exp(-_squared_distances(other_x, x) / width)
    training, held_out = [], []
    for k in _TIMES:
        left = torch.exp(-values * math.exp(k) / values.max())
        weights = vectors @ (((1 - left) / values)[:, None] * shares)
        training.append((left[:, None] * shares).square().mean().item() / scale)
        held_out.append((other_target - kernel @ weights).square().mean()
                        .item() / other_scale)
    return training + held_out


def _parts(count):
    parts = -(-count // _TOGETHER)
    return [slice(count * part // parts, count * (part + 1) // parts)
            for part in range(parts)]


def training_loss(model, batch, objective, samples):
    """The mean loss over the first samples, at most 1,000, in the mode in which
    the module is."""
    count = min(_LOSS, samples, batch.size)
    total = 0.0
    with torch.no_grad():
        for index in _parts(count):
            part = batch.part(index)
            loss = objective.mean_loss(part.call(model), part.targets)
            total += loss.item() * part.size
    return total / count


def evaluation_seconds(model, batch, objective, samples):
    """The time in which that many samples are evaluated, from that of those
    that are there. Changes the module's mode."""
    model.eval()
    with torch.no_grad():
        for index in _parts(batch.size)[:1]:  # sets things up
            batch.part(index).call(model)
        synchronize(model)
        start = time.perf_counter()
        for index in _parts(batch.size):
            part = batch.part(index)
            objective.mean_loss(part.call(model), part.targets).item()
        synchronize(model)
    return (time.perf_counter() - start) * samples / batch.size
