"""A batch in any form that a module takes: a tensor, a tuple, a dict, and
these inside of each other."""

import torch

from cape.errors import CapeError


class Batch:
    """Inputs and targets of B samples.

    A tensor in the inputs whose first dimension is B has a part for each
    sample. Everything else (numbers, None, tensors of other shapes) belongs to
    all samples alike.
    """

    def __init__(self, inputs, targets):
        if not isinstance(targets, torch.Tensor) or targets.dim() == 0:
            raise CapeError("targets must be a tensor with one entry or row for"
                            f" each sample (found {_describe(targets)})")
        self.inputs = inputs
        self.targets = targets
        self.size = targets.shape[0]
        self.tensors = []  #: of the inputs, those with a part for each sample
        self._collect(inputs)
        if self.size == 0 or not self.tensors:
            raise CapeError(
                "inputs must hold at least one tensor whose first dimension is "
                f"the number of targets, {self.size}, and this must not be 0 "
                f"(found {_describe(inputs)})")

    def _collect(self, value):
        if isinstance(value, torch.Tensor):
            if value.dim() > 0 and value.shape[0] == self.size:
                self.tensors.append(value)
        elif isinstance(value, dict):
            for part in value.values():
                self._collect(part)
        elif isinstance(value, (list, tuple)):
            for part in value:
                self._collect(part)

    def arguments(self, tensors):
        """The inputs with other tensors in the place of `self.tensors`, as the
        arguments and keyword arguments of a call: a tuple or list is several
        arguments, a dict is keyword arguments."""
        left = iter(tensors)

        def rebuild(value):
            if isinstance(value, torch.Tensor):
                own = value.dim() > 0 and value.shape[0] == self.size
                return next(left) if own else value
            if isinstance(value, dict):
                return {key: rebuild(part) for key, part in value.items()}
            if isinstance(value, (list, tuple)):
                return [rebuild(part) for part in value]
            return value

        rebuilt = rebuild(self.inputs)
        if isinstance(rebuilt, dict):
            return (), rebuilt
        return (tuple(rebuilt) if isinstance(rebuilt, list) else (rebuilt,)), {}

    def call(self, model):
        """What the module gives for the whole batch."""
        positional, named = self.arguments(self.tensors)
        return model(*positional, **named)

    def part(self, index):
        """The samples at `index`, a slice or a tensor of positions, as a batch
        of its own."""
        positional, named = self.arguments(
            [tensor[index] for tensor in self.tensors])
        return Batch(named or positional, self.targets[index])

    def numbers(self):
        """All inputs side by side, [B, D], in one floating type; whole numbers,
        such as tokens, as numbers."""
        columns = []
        for tensor in self.tensors:
            flat = tensor.detach().reshape(self.size, -1)
            if flat.is_complex():
                flat = torch.view_as_real(flat).flatten(1)
            columns.append(flat if flat.is_floating_point() else flat.float())
        return torch.cat(columns, 1)

    def sample_size(self):
        """How many numbers a sample has."""
        return sum(tensor[0].numel() for tensor in self.tensors)


def _describe(value):
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {list(value.shape)}"
    if isinstance(value, dict):
        parts = ", ".join(f"{key}: {_describe(part)}"
                          for key, part in value.items())
        return f"a dict of {parts}" if parts else "an empty dict"
    if isinstance(value, (list, tuple)):
        parts = ", ".join(map(_describe, value))
        return f"a {type(value).__name__} of {parts or 'nothing'}"
    return f"a {type(value).__name__}"
