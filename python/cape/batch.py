"""A batch in any form that a module takes: a tensor, a tuple, a mapping, and
these inside of each other."""

import collections.abc
import copy
import itertools

import torch

from cape.errors import CapeError


class _Slot:
    """Stands for a tensor with a part for each sample."""

    def __init__(self, place):
        self.place = place


class Batch:
    """Inputs and targets of B samples.

    A tensor in the inputs whose first dimension is B has a part for each
    sample. Everything else (numbers, None, tensors of other shapes) belongs to
    all samples alike.
    """

    def __init__(self, inputs, targets):
        if isinstance(inputs, torch.utils.data.DataLoader):
            raise CapeError("inputs is a DataLoader, but must be one batch: "
                            "inputs, targets = next(iter(loader))")
        if (not isinstance(targets, torch.Tensor) or targets.is_nested or
                targets.dim() == 0):
            raise CapeError("targets must be a tensor with one entry or row for"
                            f" each sample (found {describe(targets)})"
                            f"{_advice_for(targets)}")
        if isinstance(inputs, collections.abc.Mapping):
            for key in inputs:
                if not isinstance(key, str):
                    raise CapeError("inputs in a mapping are keyword arguments;"
                                    f" a name must be a text (found {key!r})")
        self.targets = targets.detach()
        self.tensors = []  #: of the inputs, those with a part for each sample
        self._form = self._with_slots(inputs)
        if self.size == 0 or not self.tensors:
            raise CapeError(
                "inputs must hold at least one tensor whose first dimension is "
                f"the number of targets, {self.size}, and this must not be 0 "
                f"(found {describe(inputs)}){_advice_for(inputs, self.size)}")

    @property
    def size(self):
        """B"""
        return self.targets.shape[0]

    def _with_slots(self, inputs):
        def slot(value):
            if (not isinstance(value, torch.Tensor) or value.dim() == 0 or
                    value.size(0) != self.size):
                return value
            if value.is_nested or value.layout != torch.strided:
                found = ("nested tensor" if value.is_nested else
                         f"tensor of layout {value.layout}")
                raise CapeError(
                    f"inputs hold a {found}, of which samples cannot be taken; "
                    "give a dense one: to_dense() of a sparse tensor, "
                    f"{_DENSE_OF_NESTED}")
            self.tensors.append(value)
            return _Slot(len(self.tensors) - 1)

        return _each(inputs, slot)

    def arguments(self, tensors):
        """The inputs with other tensors in the place of `self.tensors`, as the
        arguments and keyword arguments of a call: a tuple or list is several
        arguments, a mapping is keyword arguments. All tensors are copies, so
        that the module may change them."""
        def fill(value):
            if isinstance(value, _Slot):
                value = tensors[value.place]
            if not isinstance(value, torch.Tensor):
                return value
            copied = value.detach().clone()
            # torch.func refuses it whatever is asked for.
            return copied.requires_grad_() if value.requires_grad else copied

        inputs = _each(self._form, fill)
        if isinstance(inputs, collections.abc.Mapping):
            return (), dict(inputs)
        return (tuple(inputs) if isinstance(inputs, (list, tuple))
                else (inputs,)), {}

    def call(self, model):
        """What the module gives for the whole batch."""
        positional, named = self.arguments(self.tensors)
        return model(*positional, **named)

    def part(self, index):
        """The samples at `index`, a slice or a tensor of positions, as a batch
        of its own."""
        part = copy.copy(self)
        part.tensors = [tensor[index] for tensor in self.tensors]
        part.targets = self.targets[index]
        return part

    def numbers(self, tokens=True):
        """All inputs side by side, [B, D], in one floating type; of tokens, how
        often each occurs in a sample, or nothing where they are not wanted."""
        columns = [torch.empty(self.size, 0, device=self.tensors[0].device)]
        for tensor in self.tensors:
            if _are_tokens(tensor) and not tokens:
                continue
            flat = tensor.detach().reshape(self.size, -1)
            if flat.is_complex():
                flat = torch.view_as_real(flat).flatten(1)
            if _are_tokens(flat):
                flat = _counts(flat)
            columns.append(flat if flat.is_floating_point() else flat.float())
        return torch.cat(columns, 1)

    def is_of_tokens(self):
        """Whether numbers() are counts alone."""
        return all(map(_are_tokens, self.tensors))

    def sample_size(self):
        """How many numbers a sample has."""
        return sum(tensor[0].numel() for tensor in self.tensors)


def _each(value, change):
    """The same mappings, lists and tuples around change() of what is in
    them."""
    if isinstance(value, collections.abc.Mapping):
        parts = {key: _each(part, change) for key, part in value.items()}
        if type(value) is dict or not isinstance(
                value, collections.abc.MutableMapping):
            return parts
        same = copy.copy(value)
        for key, part in parts.items():
            same[key] = part
        return same
    if isinstance(value, (list, tuple)):
        parts = [_each(part, change) for part in value]
        if hasattr(value, "_fields"):  # a namedtuple
            return type(value)(*parts)
        return type(value)(parts)
    return change(value)


# Tokens with the same remainder count together.
_TOKEN_COUNTS = 4096

# How many parts of a list are described.
_PARTS = 3

_DENSE_OF_NESTED = "to_padded_tensor(0) of a nested one"


def _are_tokens(tensor):
    """Of the types that an embedding takes."""
    return tensor.dtype in (torch.int32, torch.int64)


def _counts(tokens):
    """How often each token occurs in each sample, [B, largest + 1]."""
    tokens = tokens.long().remainder(_TOKEN_COUNTS)
    counts = torch.zeros(len(tokens), int(tokens.max()) + 1,
                         dtype=torch.float64, device=tokens.device)
    return counts.scatter_add(1, tokens, torch.ones_like(counts[:1, :1])
                              .expand(tokens.shape))


def describe(value):
    """A tensor, and what holds tensors, in words."""
    if isinstance(value, torch.Tensor):
        return ("a nested tensor" if value.is_nested else
                f"a tensor of shape {list(value.shape)}")
    kind = type(value).__name__
    named = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    if isinstance(value, collections.abc.Mapping):
        return f"{named} of " + _joined(f"{key}: {describe(part)}"
                                        for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return f"{named} of " + _joined(map(describe, value))
    return named


def _joined(parts):
    """The first of them, and how many more there are."""
    shown = list(itertools.islice(parts, _PARTS))
    left = sum(1 for _ in parts)
    return ", ".join(shown or ["nothing"]) + (f" and {left} more" if left
                                              else "")


def _advice_for(value, size=None):
    """What to do about a value that holds no tensor of `size` samples."""
    if isinstance(value, torch.Tensor):
        if value.is_nested:
            return f"; give a dense one: {_DENSE_OF_NESTED}"
        if value.dim() > 1 and value.shape[1] == size:
            return ("; the samples must come first: give a module that takes "
                    "and returns them so, and swap the axes in it")
        if value.numel() == size:
            return ("; give the targets of a sample in a row, as its inputs "
                    "are: [samples, steps]")
        return ""
    is_array = hasattr(value, "__array__") or isinstance(value, list)
    return "; torch.as_tensor makes one" if is_array else ""
