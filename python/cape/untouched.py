"""What a probe changes for a while and gives back, to the bit."""

import collections
import contextlib
import dataclasses
import operator
import types

import torch

_CONTAINERS = (dict, collections.OrderedDict, collections.defaultdict,
               collections.Counter, list, set, collections.deque)


class Untouched:
    """Inside of `with Untouched(model):` anything may be done to the module.
    Afterwards its parameters, buffers, attributes, modes and gradients, and the
    state of Torch's random generators, are as they were before. So is all that
    containers and dataclasses in its attributes hold, however deep."""

    def __init__(self, model):
        self._model = model

    def __enter__(self):
        model = self._model
        self.random_state = RandomState(devices_of(model))
        self._modules, self._containers, self._tensors = [], [], []
        self._find_state()
        # Weights are moved on purpose, and so is what shares their memory.
        moved = {_memory(parameter) for parameter in model.parameters()
                 if parameter.requires_grad}
        self._changed_by_passes = [held for held in self._tensors
                                   if _memory(held.tensor) not in moved]
        self._gradients = [(held.tensor, held.tensor.grad)
                           for held in self._tensors if held.tensor.is_leaf]
        # A backward pass would add to the gradients that are there.
        for tensor, _ in self._gradients:
            tensor.grad = None
        return self

    def _find_state(self):
        model = self._model
        waiting = [*model.modules(), *model.parameters(), *model.buffers()]
        found = {}  # by identity: layers can share one
        while waiting:
            value = waiting.pop()
            if id(value) in found:
                continue
            if isinstance(value, torch.Tensor):
                self._tensors.append(_Tensor(value))
            elif isinstance(value, torch.nn.Module):
                self._modules.append(_Module(value))
                waiting += value.__dict__.values()
            elif type(value) in _CONTAINERS:
                self._containers.append(_Container(value))
                waiting += value.values() if isinstance(value, dict) else value
            elif _is_record(value):
                waiting.append(vars(value))
            elif isinstance(value, tuple):
                waiting += value
            else:
                continue
            found[id(value)] = value

    def put_back(self):
        """Undoes what passes have changed: attributes, buffers, and all other
        tensors but the trainable parameters. Modes stay as they are."""
        for held in (*self._containers, *self._modules,
                     *self._changed_by_passes):
            held.put_back()

    def __exit__(self, *_):
        # Where one cannot be given back, the others still are.
        with contextlib.ExitStack() as stack:
            stack.callback(self.random_state.rewind)
            for tensor, gradient in self._gradients:
                stack.callback(setattr, tensor, "grad", gradient)
            for held in self._tensors:
                stack.callback(held.put_back)
            for module in self._modules:
                stack.callback(module.put_back_mode)
            for held in (*self._modules, *self._containers):
                stack.callback(held.put_back)


def _is_record(value):
    """Whether it is there to hold some attributes."""
    return hasattr(value, "__dict__") and (
        isinstance(value, types.SimpleNamespace) or
        dataclasses.is_dataclass(value) and not isinstance(value, type))


class _Module:
    """A module's attributes, and its mode apart from them."""

    def __init__(self, module):
        self._module, self._training = module, module.training
        self._attributes = dict(module.__dict__)

    def put_back(self):
        now = self._module.__dict__
        mode = {name: now[name] for name in ("training",) if name in now}
        now.clear()
        now.update(self._attributes)
        now.update(mode)

    def put_back_mode(self):
        # TorchScript does not keep it among the attributes.
        if self._module.training != self._training:
            self._module.training = self._training


class _Container:
    """What is in a container."""

    def __init__(self, container):
        self._container = container
        self._content = (dict(container) if isinstance(container, dict)
                         else list(container))

    def put_back(self):
        if self._is_unchanged():
            return
        self._container.clear()
        if isinstance(self._container, (dict, set)):
            self._container.update(self._content)
        else:
            self._container.extend(self._content)

    def _is_unchanged(self):
        # By identity, since tensors have no equality that is true or false.
        now, before = self._container, self._content
        return (len(now) == len(before) and
                all(map(operator.is_, now, before)) and
                (not isinstance(now, dict) or
                 all(map(operator.is_, now.values(), before.values()))))


class _Tensor:
    """The numbers of a tensor, and where they are."""

    def __init__(self, tensor):
        self.tensor = tensor
        self._was_leaf = tensor.is_leaf
        self._requires_grad = tensor.requires_grad
        # Not the tensor itself: a graph of the caller that has saved it would
        # refuse to go backward if it were written to.
        self._data, self._memory = tensor.data, _memory(tensor)
        self._numbers = _each_once(self._data)
        self._copy = self._numbers.clone()

    def put_back(self):
        with torch.inference_mode(self._data.is_inference()), torch.no_grad():
            self._numbers.copy_(self._copy)
        if self._has_moved():
            self.tensor.data = self._data
        if self._was_leaf:
            if not self.tensor.is_leaf:  # written to in place
                self.tensor.detach_()
            if self.tensor.requires_grad != self._requires_grad:
                self.tensor.requires_grad_(self._requires_grad)

    def _has_moved(self):
        return (self.tensor.shape != self._data.shape or
                _memory(self.tensor) != self._memory)


def _each_once(tensor):
    """A view of what expand() repeats without the repetitions, which cannot be
    written to."""
    for dim in repeated_dims(tensor):
        tensor = tensor.narrow(dim, 0, 1)
    return tensor


def repeated_dims(tensor):
    """The dimensions whose entries are all in the same memory."""
    if tensor.layout != torch.strided:
        return []
    return [dim for dim, stride in enumerate(tensor.stride())
            if stride == 0 and tensor.shape[dim] > 1]


def _memory(tensor):
    """Where its numbers are, the same for tensors that share them."""
    try:
        return tensor.untyped_storage().data_ptr()
    except NotImplementedError:  # of what is sparse, or wrapped by torch.func
        return id(tensor)


class RandomState:
    """The state of Torch's default generators, of the CPU and of CUDA
    devices."""

    def __init__(self, devices):
        self._cpu = torch.get_rng_state()
        self._cuda = [(device, torch.cuda.get_rng_state(device))
                      for device in devices if device.type == "cuda"]

    def rewind(self):
        torch.set_rng_state(self._cpu)
        for device, state in self._cuda:
            torch.cuda.set_rng_state(state, device)

    def has_advanced(self):
        """Whether random numbers were drawn since."""
        return not (torch.equal(torch.get_rng_state(), self._cpu) and
                    all(torch.equal(torch.cuda.get_rng_state(device), state)
                        for device, state in self._cuda))


def devices_of(model):
    return {parameter.device for parameter in model.parameters()}


def synchronize(model):
    """Waits until the devices of the module have done what they were given."""
    for device in devices_of(model):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
