"""The dropout of a module of PyTorch."""

import contextlib
import inspect

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from cape.features import NAN

#: What functions call their rate, and what says whether they drop.
_FUNCTIONS = {
    **{getattr(functional, name): ("p", "training")
       for name in ("dropout", "dropout1d", "dropout2d", "dropout3d",
                    "alpha_dropout", "feature_alpha_dropout")},
    functional.multi_head_attention_forward: ("dropout_p", "training")}

#: Functions whose signature Python does not know: the names of what they take.
_BUILT_IN = {
    **{getattr(torch, name): "input p train"
       for name in ("dropout", "dropout_", "alpha_dropout", "alpha_dropout_",
                    "feature_dropout", "feature_dropout_",
                    "feature_alpha_dropout", "feature_alpha_dropout_",
                    "native_dropout")},
    functional.scaled_dot_product_attention:
        "query key value attn_mask dropout_p"}

#: Theirs begins with the input and the state, or with a packed sequence.
_RECURRENT = (torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu)


def train_without_dropout(model):
    """Training mode, but for the modules that are named as dropout."""
    model.train()
    for module in model.modules():
        kind = type(module).__name__
        if kind.startswith("Dropout") or kind.endswith("Dropout"):
            module.training = False


def dropout_rate(model, call, random_state):
    """The greatest rate with which the module drops numbers in training mode,
    0 without dropout. NaN where random numbers are drawn without dropout, and
    where there are parts in TorchScript, into which nobody can look.

    call: a function that calls the module once; the module is afterwards in
        training mode, and what passes change is changed.
    random_state: that of the generators, with which the pass begins.
    """
    model.train()
    random_state.rewind()
    with torch.no_grad(), _uncompiled(), _Rates() as rates:
        call()
    if not random_state.has_advanced():
        return max(rates.seen, default=0.0)
    is_hidden = any(isinstance(module, torch.jit.ScriptModule)
                    for module in model.modules())
    return NAN if is_hidden else max(rates.seen, default=NAN)


def _uncompiled():
    """Runs what torch.compile has made as it was before. Versions before 2.6
    cannot do so."""
    if hasattr(torch.compiler, "set_stance"):
        return torch.compiler.set_stance("force_eager")
    return contextlib.nullcontext()


class _Rates(TorchFunctionMode):
    """Looks at the dropout that is called inside of `with`."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        rate = _rate_of(function, args, kwargs)
        if rate is not None:
            self.seen.append(float(rate))
        return function(*args, **kwargs)


def _rate_of(function, args, kwargs):
    """None of what drops nothing."""
    if function in _FUNCTIONS:
        signature = inspect.signature(function).bind(*args, **kwargs)
        signature.apply_defaults()
        rate, is_on = _FUNCTIONS[function]
        given = signature.arguments
        return given[rate] if given[is_on] else None
    if function in _BUILT_IN:
        given = dict(zip(_BUILT_IN[function].split(), args)) | kwargs
        rate = given.get("p", given.get("dropout_p", 0.0))
        return rate if given.get("train", True) else None
    if function in _RECURRENT:
        is_packed = not isinstance(args[3], bool)
        layers, rate, is_on = args[5:8] if is_packed else args[4:7]
        return rate if is_on and layers > 1 else None
    return None
