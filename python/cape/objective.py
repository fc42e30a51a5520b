"""What each task asks of a network: its loss, f, and what else of it depends on
the kind of labels. docs/trial_protocol.md defines them."""

import collections.abc

import torch
from torch.nn import functional

from cape.batch import describe
from cape.errors import CapeError, warn

TASKS = ("classification", "regression", "sequence", "multilabel")

#: What cross_entropy leaves out of its mean.
IGNORED = -100

_TASKS_OF_LOSSES = {
    torch.nn.BCEWithLogitsLoss: "multilabel", torch.nn.BCELoss: "multilabel",
    torch.nn.MSELoss: "regression",
    torch.nn.L1Loss: "regression", torch.nn.SmoothL1Loss: "regression",
    torch.nn.HuberLoss: "regression",
    functional.binary_cross_entropy_with_logits: "multilabel",
    functional.binary_cross_entropy: "multilabel",
    functional.mse_loss: "regression", functional.l1_loss: "regression",
    functional.smooth_l1_loss: "regression",
    functional.huber_loss: "regression"}

_CROSS_ENTROPIES = (torch.nn.CrossEntropyLoss, functional.cross_entropy)
_SQUARED_ERRORS = (torch.nn.MSELoss, functional.mse_loss)
_BINARY = (torch.nn.BCEWithLogitsLoss,
           functional.binary_cross_entropy_with_logits)

#: Take outputs with the classes first: [B, C, T].
_CLASSES_FIRST = (*_CROSS_ENTROPIES, torch.nn.NLLLoss, functional.nll_loss)

#: Take the numbers of classes as targets, not numbers.
_OF_WHOLE_NUMBERS = (*_CLASSES_FIRST,
                     torch.nn.MultiMarginLoss, functional.multi_margin_loss,
                     torch.nn.MultiLabelMarginLoss,
                     functional.multilabel_margin_loss)

#: Which losses are the one that the task has anyhow.
_LOSSES_OF_TASKS = {"classification": _CROSS_ENTROPIES,
                    "sequence": _CROSS_ENTROPIES,
                    "multilabel": _BINARY, "regression": _SQUARED_ERRORS}


class Objective:
    """A task with the loss that the network is trained with.

    `loss` is None (the task's own loss), or anything that is called with the
    module's outputs and the targets and gives the mean over the samples, a
    scalar.
    """

    def __init__(self, task, loss, targets, outputs):
        _check_loss(loss)
        self._loss = loss
        self._kind = _kind_of(loss)
        #: The class that the loss leaves out.
        self._ignored = getattr(loss, "ignore_index", IGNORED)
        self._dims = 1  # of the outputs for a batch, at least
        tensor = self._tensor_of(outputs, targets)
        self._dims = max(self._dims, tensor.dim())
        self.task = task or _find_task(self._kind, targets, tensor)
        if self.task not in TASKS:
            raise CapeError(f"no task '{self.task}'; known: {', '.join(TASKS)}")
        self._has_shares = (self.task == "classification" and
                            targets.is_floating_point() and targets.dim() > 1)
        self.is_own = not _is_of_the_task(loss, self._kind, self.task)
        #: Squared errors count half in the rows that predictors learn from.
        self.halves = self._kind in _SQUARED_ERRORS and not self.is_own
        logits = self.logits(outputs, targets)
        self._check(logits, targets)
        self.outputs = logits.shape[-1]
        if self.task in ("classification", "sequence"):
            _look_for_softmax(self._kind, logits)

    def _check(self, logits, targets):
        labels = self.labels(targets)
        if self.task in ("classification", "sequence"):
            expected = f"{list(labels.shape)} and the number of classes"
            good = logits.shape[:-1] == labels.shape
            if good:
                self._check_classes(targets, logits.shape[-1])
        else:
            expected = str(list(labels.shape))
            good = logits.shape == labels.shape
        if not good:
            raise CapeError(
                f"the module gives {list(logits.shape)} for targets of "
                f"{list(targets.shape)}; {self.task} takes {expected}. "
                f"{self._advice(logits, targets)}Name another task "
                f"({', '.join(TASKS)})" +
                (", or give a loss" if self._loss is None else ""))

    def _advice(self, logits, targets):
        if self.task == "regression" and targets.dim() == 1:
            if not targets.is_floating_point():
                return ("If the targets are classes, give loss=None and no "
                        "task. ")
            if not (targets - targets.round()).any():
                return ("If the targets are classes, give " +
                        ("" if self._loss is None else
                         "loss=None and no task, and ") + "targets.long(). ")
        if self.task == "sequence" and targets[0].numel() == 1:
            return ("If the targets are one class for each sample, give "
                    "targets.flatten(). ")
        return ""

    def check_more(self, targets):
        """Raises CapeError where the task does not take them."""
        if self.task in ("classification", "sequence"):
            self._check_classes(targets, self.outputs)

    def _check_classes(self, targets, classes):
        if self._has_shares:
            if not self.is_own and targets.shape[1] != classes:
                raise CapeError(
                    f"the targets are shares of {targets.shape[1]} classes, but"
                    f" the module gives {classes} numbers; give as many")
            return
        broken = targets[targets != targets.long()]
        if len(broken):
            raise CapeError("the targets of a class must be whole numbers "
                            f"(found {broken[0].item()})")
        labels = self.labels(targets)
        wrong = labels[(labels != IGNORED) & ((labels < 0) |
                                              (labels >= classes))]
        if len(wrong):
            raise CapeError(
                f"the targets have the class {int(wrong[0])}, but the module "
                f"gives {classes} numbers, for the classes 0 to {classes - 1}; "
                f"{IGNORED} is left out, and so is the ignore_index of a "
                "CrossEntropyLoss")

    def labels(self, targets):
        """The targets in the task's form: [B] classes; [B, T] classes; [B, K]
        numbers; [B, L] zeros and ones. Classes that the loss leaves out are
        IGNORED."""
        if self.task not in ("classification", "sequence"):
            return targets.reshape(targets.shape[0], -1)
        if self.task == "sequence":
            labels = targets.flatten(1).long()
        elif targets.dim() == 2:
            return targets.argmax(1)  # of shares of classes, the largest
        else:
            labels = targets.long()
        return labels.masked_fill(labels == self._ignored, IGNORED)

    def logits(self, outputs, targets):
        """The outputs in the task's form: [B, C]; [B, T, C]; [B, K]; [B, L]."""
        tensor = self._tensor_of(outputs, targets)
        if self.task == "sequence":
            if (tensor.dim() == 2 and targets[0].numel() > 1 and
                    tensor.shape[0] == targets.numel()):
                # Step by step, as a loss has them that is given view(-1, C).
                tensor = tensor.unflatten(0, targets.shape)
            if self._has_classes_first(tensor, targets):
                tensor = tensor.movedim(1, -1)
            if tensor.dim() < 3:
                return tensor
            return tensor.flatten(1, -2)
        if self.task == "classification":
            return tensor
        return tensor.reshape(tensor.shape[0], -1)

    def _tensor_of(self, outputs, targets):
        """The logits as the module gives them; for a single sample, too, with
        the axis of the samples, which a module may drop by squeeze()."""
        tensor = getattr(outputs, "logits", outputs)
        if isinstance(outputs, collections.abc.Mapping):
            tensor = outputs.get("logits", outputs)
        if not isinstance(tensor, torch.Tensor):
            raise CapeError(
                "the module must give a tensor, or an object or mapping with "
                f"`logits` (found {describe(outputs)}); wrap it in a module "
                "whose forward gives one of these")
        is_squeezed = targets.shape[0] == 1 and tensor.dim() == self._dims - 1
        return tensor.unsqueeze(0) if is_squeezed else tensor

    def _has_classes_first(self, tensor, targets):
        """Whether these are [B, C, T], as cross_entropy has them."""
        first = tensor.shape[:1] + tensor.shape[2:] == targets.shape
        last = tensor.shape[:-1] == targets.shape
        return first and (not last or self._kind in _CLASSES_FIRST)

    def mean_loss(self, outputs, targets):
        """The mean of the samples' losses, a scalar tensor."""
        if not self.is_own:
            logits = self.logits(outputs, targets)
            if self._has_shares:
                return functional.cross_entropy(logits,
                                                targets.to(logits.dtype))
            return self._task_loss(logits, self.labels(targets))
        loss = self._loss(*self._arguments(outputs, targets))
        if not isinstance(loss, torch.Tensor) or loss.dim() != 0:
            found = (f"a tensor of shape {list(loss.shape)}"
                     if isinstance(loss, torch.Tensor) else type(loss).__name__)
            raise CapeError("loss(outputs, targets) must give one number, the "
                            f"mean over the samples (found {found})")
        return loss

    def _arguments(self, outputs, targets):
        """What the loss is called with: what the module gives, and the targets.
        For losses of PyTorch these are reshaped where they do not belong
        together."""
        targets = targets.clone()
        if not getattr(self._kind, "__module__", "").startswith("torch.nn."):
            if isinstance(outputs, torch.Tensor):
                outputs = self._tensor_of(outputs, targets)
            return outputs, targets
        tensor = self._tensor_of(outputs, targets)
        if self.task == "classification":
            return tensor, targets
        if self.task == "sequence":
            if self._has_classes_first(tensor, targets):
                return tensor, targets
            return (self.logits(outputs, targets).movedim(-1, 1),
                    targets.flatten(1))
        if tensor.shape != targets.shape:
            tensor = self.logits(outputs, targets)
            targets = self.labels(targets)
        if self._kind not in _OF_WHOLE_NUMBERS:
            targets = targets.to(tensor.dtype)
        return tensor, targets

    def _task_loss(self, logits, labels):
        if self.task == "classification":
            return functional.cross_entropy(logits, labels)
        if self.task == "sequence":
            return functional.cross_entropy(logits.flatten(0, 1),
                                            labels.flatten())
        if self.task == "multilabel":
            return functional.binary_cross_entropy_with_logits(
                logits, labels.to(logits.dtype))
        return 0.5 * functional.mse_loss(logits, labels.to(logits.dtype))

    def summed_f(self, outputs, targets):
        """The sum of the samples' f, a scalar tensor."""
        logits, labels = self.logits(outputs, targets), self.labels(targets)
        if self.task == "classification":
            return -functional.nll_loss(logits, labels, reduction="sum")
        if self.task == "sequence":
            return -functional.nll_loss(logits.flatten(0, 1), labels.flatten(),
                                        reduction="sum")
        if self.task == "multilabel":
            return (logits * labels.to(logits.dtype)).sum()
        return logits.sum()

    def label_entropy(self, targets):
        """Of the labels' frequencies, in nats; NaN for a regression."""
        labels = self.labels(targets)
        if self.task in ("classification", "sequence"):
            counted = labels[labels != IGNORED]
            counts = torch.bincount(counted.flatten()).double()
            return _entropy(counts / counted.numel())
        if self.task == "multilabel":
            on = labels.double().mean(0)
            return (_entropy(on) + _entropy(1 - on)) / labels.shape[1]
        return float("nan")

    def logit_spread(self, logits):
        """The deviation over the outputs, its mean over samples and steps; NaN
        for a regression."""
        if self.task == "regression":
            return float("nan")
        return logits.double().std(-1, unbiased=False).mean().item()

    @property
    def classes(self):
        """As the column of this name."""
        return 0 if self.task == "regression" else self.outputs


def _entropy(probabilities):
    return -torch.xlogy(probabilities, probabilities).sum().item()


def _kind_of(loss):
    """A class of torch.nn, or a function."""
    return type(loss) if isinstance(loss, torch.nn.Module) else loss


def _check_loss(loss):
    if loss is not None and not callable(loss):
        raise CapeError("loss must be called with the outputs and the targets, "
                        "such as torch.nn.CrossEntropyLoss() (found "
                        f"{loss!r})")
    # What functools.partial gives has keywords.
    named = getattr(loss, "keywords", None) or {}
    reduction = getattr(loss, "reduction", named.get("reduction"))
    if reduction == "sum":
        raise CapeError("loss has reduction='sum', but must give the mean over "
                        "the samples; give reduction='mean', and for sgd the "
                        "learning rate times the number of samples")


def _is_of_the_task(loss, kind, task):
    """Whether the loss is the one that the task has anyhow."""
    if loss is None:
        return True
    if kind not in _LOSSES_OF_TASKS[task]:
        return False
    if not isinstance(loss, torch.nn.Module):
        return True
    return (loss.reduction == "mean" and
            getattr(loss, "weight", None) is None and
            getattr(loss, "pos_weight", None) is None and
            getattr(loss, "ignore_index", IGNORED) == IGNORED and
            getattr(loss, "label_smoothing", 0.0) == 0.0)


def _look_for_softmax(kind, logits):
    """Warns of outputs that a cross-entropy takes for logits, but are not."""
    if kind is not None and kind not in _CROSS_ENTROPIES:
        return
    if logits.shape[-1] < 2:
        return

    def are_shares(numbers):
        return bool(((numbers.double().sum(-1) - 1).abs() < 1e-4).all())

    found = ("softmax" if (logits >= 0).all() and are_shares(logits) else
             "log_softmax" if (logits <= 0).all() and are_shares(logits.exp())
             else None)
    if found:
        warn(f"the module's outputs look like those of {found}; a "
             "cross-entropy takes the outputs before it, so end the module "
             "with its last layer")


def _find_task(kind, targets, outputs):
    """What the loss says; else what the targets and the outputs look like."""
    if kind in _TASKS_OF_LOSSES:
        return _TASKS_OF_LOSSES[kind]
    if targets.is_floating_point():
        if kind in _CROSS_ENTROPIES:
            return "classification"  # shares of classes
        if targets.dim() == 2 and targets.shape[1] > 1 and _is_binary(targets):
            return "multilabel"
        return "regression"
    if targets.dtype == torch.bool:
        return "multilabel"
    if targets.dim() == 1:
        return "classification"
    if outputs.shape == targets.shape and _is_binary(targets):
        return "multilabel"
    return "sequence"


def _is_binary(targets):
    return bool(((targets == 0) | (targets == 1)).all())
