"""The optimizers that predictors know, from a name, settings or an optimizer of
torch.optim."""

import json

import torch

from cape.errors import CapeError

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
        if isinstance(description, torch.optim.Optimizer):
            description, learning_rate = self._read(description, learning_rate)
        if isinstance(description, str):
            description = {"kind": description}
        if not isinstance(description, dict):
            raise CapeError(
                "optimizer must be a name, a dict with `kind`, or an optimizer "
                f"of torch.optim (found {type(description).__name__})")
        self.kind = description.get("kind")
        if self.kind not in _KINDS:
            raise CapeError(f"no optimizer '{self.kind}'; known: "
                            f"{', '.join(_KINDS)}")
        given = {key: value for key, value in description.items()
                 if key != "kind"}
        unknown = sorted(set(given) - set(_DEFAULTS[self.kind]))
        if unknown:
            raise CapeError(
                f"{self.kind} has no setting '{unknown[0]}'; it has "
                f"{', '.join(sorted(_DEFAULTS[self.kind]))}")
        self.settings = _DEFAULTS[self.kind] | given
        if learning_rate is None:
            raise CapeError("learning_rate is missing; give a number, or an "
                            "optimizer of torch.optim, which has one")
        self.learning_rate = float(learning_rate)
        if not 0 < self.learning_rate < float("inf"):
            raise CapeError("learning_rate must be a number above 0 (found "
                            f"{learning_rate})")

    def _read(self, optimizer, learning_rate):
        kinds = [kind for kind, of in _KINDS.items() if type(optimizer) is of]
        if not kinds:
            raise CapeError(
                f"no rows were measured with {type(optimizer).__name__}; known "
                "optimizers are torch.optim.AdamW, Adam and SGD")
        kind, = kinds
        groups = optimizer.param_groups
        settings = groups[0]
        names = ("lr", *_DEFAULTS[kind], *_FIXED)
        for group in groups[1:]:
            if any(group.get(name) != settings.get(name) for name in names):
                raise CapeError("the optimizer has groups of parameters with "
                                "different settings; rows have one for all")
        for name, fixed in _FIXED.items():
            if name in settings and settings[name] != fixed:
                raise CapeError(
                    f"no rows were measured with {name}={settings[name]} of "
                    f"{type(optimizer).__name__}, only with {fixed}")
        if learning_rate is None:
            learning_rate = settings["lr"]
        self.speed = {name: settings[name] for name in _OF_SPEED
                      if settings.get(name) is not None}
        return ({"kind": kind} |
                {name: settings[name] for name in _DEFAULTS[kind]},
                learning_rate)

    @property
    def takes_sign_steps(self):
        """Whether its first step is along the gradient's sign."""
        return self.kind != "sgd"

    def build(self, parameters):
        """An optimizer of torch.optim without a past."""
        return _KINDS[self.kind](parameters, lr=self.learning_rate,
                                 **self.settings, **self.speed)

    def columns(self):
        """As a row has it."""
        identity = {"kind": self.kind} | {
            key: value for key, value in self.settings.items()
            if key != "weight_decay"}
        return {"optimizer": self.kind, "optimizer_json": json.dumps(identity),
                "weight_decay": float(self.settings["weight_decay"])}
