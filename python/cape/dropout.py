"""The dropout of a module of PyTorch."""

import inspect

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from cape.features import NAN

#: How functions call their rate, and what says whether they drop.
_FUNCTIONS = {
    **{getattr(functional, name): ("p", "training")
       for name in ("dropout", "dropout1d", "dropout2d", "dropout3d",
                    "alpha_dropout", "feature_alpha_dropout")},
    functional.multi_head_attention_forward: ("dropout_p", "training")}

#: Those that Python cannot ask for the names of what they take.
_BUILT_IN = {
    **{getattr(torch, name): "input p train"
       for name in ("dropout", "dropout_", "alpha_dropout", "feature_dropout",
                    "feature_alpha_dropout")},
    functional.scaled_dot_product_attention:
        "query key value attn_mask dropout_p"}


def train_without_dropout(model):
    """Training mode, but for the modules that are named as dropout."""
    model.train()
    for module in model.modules():
        kind = type(module).__name__
        if kind.startswith("Dropout") or kind.endswith("Dropout"):
            module.training = False


def dropout_rate(model, call, random_state):
    """The greatest rate with which the module drops numbers in training mode,
    0 without dropout. NaN where it draws random numbers in another way.

    call: a function that calls the module once; the module is afterwards in
        training mode, and what passes change is changed.
    random_state: that of the generators, with which the pass begins.
    """
    model.train()
    random_state.rewind()
    with torch.no_grad(), _Rates() as rates:
        call()
    greatest = max([rates.greatest, *_recurrent_rates(model)])
    return NAN if greatest == 0 and random_state.has_advanced() else greatest


def _recurrent_rates(model):
    return [float(module.dropout) for module in model.modules()
            if isinstance(module, torch.nn.RNNBase) and module.num_layers > 1]


class _Rates(TorchFunctionMode):
    """Looks at the dropout that is called inside of `with`."""

    def __init__(self):
        super().__init__()
        self.greatest = 0.0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        rate = _rate_of(function, args, kwargs)
        self.greatest = max(self.greatest, float(rate))
        return function(*args, **kwargs)


def _rate_of(function, args, kwargs):
    if function in _FUNCTIONS:
        signature = inspect.signature(function).bind(*args, **kwargs)
        signature.apply_defaults()
        rate, is_on = _FUNCTIONS[function]
        given = signature.arguments
        return given[rate] if given[is_on] else 0.0
    if function in _BUILT_IN:
        given = dict(zip(_BUILT_IN[function].split(), args)) | kwargs
        rate = given.get("p", given.get("dropout_p", 0.0))
        return rate if given.get("train", True) else 0.0
    return 0.0
