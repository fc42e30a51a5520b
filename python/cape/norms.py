"""g2 and tau: mean squared norms of the gradients of each sample by itself."""

import warnings

import torch

from cape.errors import CapeError

#: The gradients of so many numbers are held at once, 512 MB of float32.
_MOST_NUMBERS = 2**27


def sample_norms(model, parameters, batch, objective, put_back):
    """The means over the samples of the squared norms of the gradients of the
    loss and of f, with respect to the named parameters. REQUIRES: evaluation
    mode. All samples at once by torch.func where the module allows it, else one
    after the other, as the C++ program does it with TorchScript. put_back()
    undoes what a pass has changed of the module: each sample is the first."""
    numbers = sum(value.numel() for value in parameters.values())
    chunk = min(batch.size, _MOST_NUMBERS // max(numbers, 1))
    if chunk > 1:
        try:
            return _at_once(model, parameters, batch, objective, put_back,
                            chunk)
        except Exception:  # pylint: disable=broad-except
            # Not every operation has a rule for torch.func, and what is raised
            # then has no class of its own. An error of the module itself comes
            # again below.
            pass
    return _by_loop(model, parameters, batch, objective, put_back)


def real_numbers(gradient):
    """A gradient as optimizers see it: dense, and a complex number as two."""
    if gradient.is_sparse:
        gradient = gradient.to_dense()
    if gradient.is_complex():
        gradient = torch.view_as_real(gradient.resolve_conj())
    return gradient


def gradients(value, parameters, retain_graph=False):
    """As real_numbers; None where the value does not depend on a parameter."""
    if not value.requires_grad:
        raise CapeError("the loss does not depend on any trainable parameter: "
                        "is there a detach(), an argmax() or a torch.no_grad() "
                        "between them?")
    return [None if gradient is None else real_numbers(gradient)
            for gradient in torch.autograd.grad(
                value, parameters, retain_graph=retain_graph,
                allow_unused=True)]


def _squared_norm(parts):
    return sum(torch.linalg.vector_norm(part, dtype=torch.float64).square()
               for part in parts)


def _at_once(model, parameters, batch, objective, put_back, chunk):
    def norms_of(target, *tensors):
        def losses(values):
            positional, named = batch.arguments(
                [tensor.unsqueeze(0) for tensor in tensors])
            outputs = torch.func.functional_call(model, values, positional,
                                                 named)
            targets = target.unsqueeze(0)
            return (objective.mean_loss(outputs, targets),
                    objective.summed_f(outputs, targets))

        (loss, f), gradients_of = torch.func.vjp(losses, parameters)
        one, none = torch.ones_like(loss), torch.zeros_like(f)
        of_loss, = gradients_of((one, none))
        of_f, = gradients_of((none, one))
        return (_squared_norm(map(real_numbers, of_loss.values())),
                _squared_norm(map(real_numbers, of_f.values())))

    sums = [0.0, 0.0]
    with warnings.catch_warnings():
        # Operations without a rule of their own are slow, but right.
        warnings.simplefilter("ignore")
        for first in range(0, batch.size, chunk):
            part = batch.part(slice(first, first + chunk))
            put_back()
            norms = torch.func.vmap(norms_of)(part.targets, *part.tensors)
            sums = [one + norm.sum().item() for one, norm in zip(sums, norms)]
    return sums[0] / batch.size, sums[1] / batch.size


def _by_loop(model, parameters, batch, objective, put_back):
    sums = [0.0, 0.0]
    leaves = list(parameters.values())
    for i in range(batch.size):
        sample = batch.part(slice(i, i + 1))
        put_back()
        for which, value in enumerate(_loss_and_f(model, sample, objective)):
            parts = gradients(value, leaves, retain_graph=which == 0)
            sums[which] += float(_squared_norm(
                part for part in parts if part is not None))
    return sums[0] / batch.size, sums[1] / batch.size


def _loss_and_f(model, sample, objective):
    try:
        outputs = sample.call(model)
        return (objective.mean_loss(outputs, sample.targets),
                objective.summed_f(outputs, sample.targets))
    except CapeError:
        raise
    except Exception as error:
        # The whole batch has gone through.
        raise CapeError(
            "the module or the loss cannot be called with a sample by itself "
            f"({type(error).__name__}: {error}); what the module gives for a "
            "sample must not depend on the others, and tensors whose first "
            "dimension is the number of targets must have a part for each "
            "sample") from error
