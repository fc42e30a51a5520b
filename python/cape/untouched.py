"""What a probe changes for a while and gives back, to the bit."""

import collections
import copy

import torch

_CONTAINERS = (dict, collections.OrderedDict, list, set, collections.deque)


class Untouched:
    """Inside of `with Untouched(model):` anything may be done to the module.
    Afterwards its parameters, buffers, attributes, modes and gradients, and the
    state of Torch's random generators, are as they were before."""

    def __init__(self, model):
        self._model = model

    def __enter__(self):
        model = self._model
        self.random_state = RandomState(devices_of(model))
        self._modules = []
        held = {}  # tensors by identity: layers can share one
        for module in model.modules():
            attributes = dict(module.__dict__)
            contents = [(value, copy.copy(value))
                        for value in attributes.values()
                        if type(value) in _CONTAINERS]
            self._modules.append((module, module.training, attributes,
                                  contents))
            for value in attributes.values():
                if isinstance(value, torch.Tensor):
                    held[id(value)] = value
        for tensor in [*model.parameters(), *model.buffers()]:
            held[id(tensor)] = tensor
        self._tensors = [
            (tensor, tensor.detach().clone(), tensor.requires_grad)
            for tensor in held.values()]
        self._gradients = [(tensor, tensor.grad)
                           for tensor in model.parameters()]
        # A backward pass would add to the gradients that are there.
        for tensor, _ in self._gradients:
            tensor.grad = None
        return self

    def __exit__(self, *_):
        for module, training, attributes, contents in self._modules:
            for value, content in contents:
                if isinstance(value, (dict, set)):
                    value.clear()
                    value.update(content)
                elif isinstance(value, list):
                    value[:] = content
                else:
                    value.clear()
                    value.extend(content)
            module.__dict__.clear()
            module.__dict__.update(attributes)
            if module.training != training:  # TorchScript keeps it elsewhere
                module.training = training
        for tensor, value, requires_grad in self._tensors:
            # Not `copy_` of the tensor itself: a graph of the caller that has
            # saved it would refuse to go backward.
            tensor.data.copy_(value)
            if tensor.is_leaf:
                tensor.requires_grad_(requires_grad)
        for tensor, gradient in self._gradients:
            tensor.grad = gradient
        self.random_state.rewind()


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
