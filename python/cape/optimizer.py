"""The optimizers that predictors know, from a name, settings or an optimizer of
torch.optim."""

import json

import torch

from cape.checks import number
from cape.errors import CapeError, warn

#: What an update is with the settings that rows have.
_KINDS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam,
          "sgd": torch.optim.SGD}
_DEFAULTS = {"adamw": {"weight_decay": 1e-4}, "adam": {"weight_decay": 1e-4},
             "sgd": {"weight_decay": 1e-4, "momentum": 0.9, "nesterov": False}}
#: Settings of torch.optim that no row has otherwise.
_FIXED = {"betas": (0.9, 0.999), "eps": 1e-8, "amsgrad": False,
          "maximize": False, "dampening": 0}
#: Settings of torch.optim that change the time of a step alone.
_OF_SPEED = ("foreach", "fused", "capturable")


class Optimizer:
    """One of adamw, adam and sgd, with its settings and a learning rate."""

    def __init__(self, description, learning_rate):
        self.speed = {}
        # Of a given optimizer: the tensors that it updates, by their identity,
        # with the weight decay of each.
        self._updated = None
        if isinstance(description, torch.optim.Optimizer):
            description, learning_rate = self._read(description, learning_rate)
        if isinstance(description, str):
            description = {"kind": description}
        if not isinstance(description, dict):
            raise CapeError(
                "optimizer must be a name, a dict with `kind`, or an optimizer "
                f"of torch.optim (found {type(description).__name__})")
        self.kind = description.get("kind")
        if not isinstance(self.kind, str) or self.kind not in _KINDS:
            raise CapeError(f"no optimizer '{self.kind}'; known: "
                            f"{', '.join(_KINDS)}")
        given = {key: value for key, value in description.items()
                 if key != "kind"}
        unknown = sorted(map(str, set(given) - set(_DEFAULTS[self.kind])))
        if unknown:
            raise CapeError(
                f"{self.kind} has no setting '{unknown[0]}'; it has "
                f"{', '.join(sorted(_DEFAULTS[self.kind]))}")
        self.settings = {key: self._checked(key, value) for key, value in
                         (_DEFAULTS[self.kind] | given).items()}
        if self.settings.get("nesterov") and self.settings["momentum"] == 0:
            raise CapeError("nesterov needs a momentum above 0 (found 0)")
        if learning_rate is None:
            raise CapeError("learning_rate is missing; give a number, or an "
                            "optimizer of torch.optim, which has one")
        self.learning_rate = number("learning_rate", learning_rate)
        if self.learning_rate <= 0:
            raise CapeError("learning_rate must be a number above 0 (found "
                            f"{learning_rate})")

    def _checked(self, key, value):
        if key != "nesterov":
            return number(f"{key} of {self.kind}", value, least=0)
        if isinstance(value, bool):
            return value
        raise CapeError(f"nesterov of sgd must be True or False (found "
                        f"{value!r})")

    def check_parameters(self, parameters):
        """Raises CapeError where a given optimizer leaves out one of these
        parameters, by their names."""
        if self._updated is None:
            return
        for name, parameter in parameters.items():
            if id(parameter) not in self._updated:
                raise CapeError(
                    f"the optimizer does not have the parameter {name} of the "
                    "module; give it all of module.parameters(), or freeze "
                    "what is not trained by requires_grad_(False)")

    def _read(self, optimizer, learning_rate):
        kinds = [kind for kind, of in _KINDS.items() if type(optimizer) is of]
        if not kinds:
            raise CapeError(
                f"no rows were measured with {type(optimizer).__name__}; known "
                "optimizers are torch.optim.AdamW, Adam and SGD")
        kind, = kinds
        groups = [group for group in optimizer.param_groups
                  if group["params"]] or optimizer.param_groups
        settings = groups[0]
        if settings.get("decoupled_weight_decay"):
            kind = "adamw"  # which is an Adam with this setting
        self._updated = {id(parameter): group["weight_decay"]
                         for group in groups for parameter in group["params"]}
        _check_groups(groups, kind)
        for name, fixed in _FIXED.items():
            if name in settings and settings[name] != fixed:
                raise CapeError(
                    f"no rows were measured with {name}={settings[name]} of "
                    f"{type(optimizer).__name__}, only with {fixed}")
        if learning_rate is None:
            learning_rate = settings["lr"]
        self.speed = {name: settings[name] for name in _OF_SPEED
                      if settings.get(name) is not None}
        given = {name: settings[name] for name in _DEFAULTS[kind]}
        decays = sorted({group["weight_decay"] for group in groups})
        if len(decays) > 1:
            given["weight_decay"] = decays[-1]
            warn("the optimizer's groups of parameters have the weight decays "
                 f"{', '.join(f'{decay:g}' for decay in decays)}; each is "
                 "updated with its own, but the prediction is for a network of "
                 f"the largest, {decays[-1]:g}")
        return {"kind": kind} | given, learning_rate

    @property
    def takes_sign_steps(self):
        """Whether its first step is along the gradient's sign."""
        return self.kind != "sgd"

    def build(self, parameters):
        """An optimizer of torch.optim without a past. parameters: pairs of a
        module's parameter and of the tensor that is updated in its place."""
        decays = self._updated or {}
        groups = {}
        for parameter, updated in parameters:
            decay = decays.get(id(parameter), self.settings["weight_decay"])
            groups.setdefault(decay, []).append(updated)
        return _KINDS[self.kind](
            [{"params": tensors, "weight_decay": decay}
             for decay, tensors in groups.items()],
            lr=self.learning_rate, **self.settings, **self.speed)

    def columns(self):
        """As a row has it."""
        identity = {"kind": self.kind} | {
            key: value for key, value in self.settings.items()
            if key != "weight_decay"}
        return {"optimizer": self.kind, "optimizer_json": json.dumps(identity),
                "weight_decay": float(self.settings["weight_decay"])}


def _check_groups(groups, kind):
    """Raises CapeError where they differ in more than the weight decay, by
    which biases and norms are often set apart."""
    for name in ("lr", "decoupled_weight_decay", *_DEFAULTS[kind], *_FIXED):
        found = []
        for group in groups:
            if group.get(name) not in found:
                found.append(group.get(name))
        if len(found) > 1 and name != "weight_decay":
            raise CapeError(
                f"the optimizer's groups of parameters differ in {name} "
                f"({', '.join(map(str, found))}), but rows have one for all; "
                "give the optimizer as a name or a dict of settings, such as "
                f"optimizer='{kind}', and with it the learning_rate of most "
                "parameters")
