"""What a batch shows of its data, and what the names and shapes of a network's
tensors say of it: docs/trial_protocol.md defines these columns."""

import math

import numpy
import torch

NAN = float("nan")


def batch_features(x, labels, task, are_counts=False):
    """Of inputs [B, D], which may be counts of tokens, and labels in the task's
    form; NaN is missing."""
    result = dict.fromkeys(("effective_rank", "neighbour_agreement",
                            "constant_inputs"), NAN)
    if x.numel() == 0 or not torch.isfinite(x).all():
        return result
    result["constant_inputs"] = ((x.amax(0) == x.amin(0)).sum().item() /
                                 x.shape[1])
    # In double precision equal values have exactly their own value as the mean.
    deviations = x - x.mean(0, dtype=torch.float64).to(x.dtype)
    gram = (deviations @ deviations.T).double().cpu()
    trace = gram.diagonal().sum().item()
    rank = trace * trace / gram.square().sum().item() if trace else 0.0
    if not math.isfinite(rank):
        return result
    result["effective_rank"] = rank
    # Counts are often equally far from each other, which only whole numbers
    # show.
    products = (x @ x.T).double().cpu() if are_counts else gram
    result["neighbour_agreement"] = _neighbour_agreement(
        products, labels.cpu(), task)
    return result


def root_mean_square(x):
    """NaN of nothing, and where it is not finite."""
    if x.numel() == 0:
        return NAN
    rms = (torch.linalg.vector_norm(x, dtype=torch.float64).item() /
           math.sqrt(x.numel()))
    return rms if math.isfinite(rms) else NAN


def _neighbour_agreement(gram, labels, task):
    if gram.shape[0] < 2:
        return NAN
    distances = gram.diagonal()[None, :] - 2 * gram
    distances.fill_diagonal_(math.inf)
    # NumPy promises the first of several equal ones.
    neighbours = torch.from_numpy(numpy.argmin(distances.numpy(), 1))
    columns = labels.reshape(labels.shape[0], -1)
    if task == "regression":
        agreements = [_number_agreement(column, neighbours)
                      for column in columns.double().T]
    else:
        # What is ignored in a sequence, -100, counts as a class of its own.
        columns = columns.long()
        columns = columns - min(int(columns.min()), 0)
        agreements = [_class_agreement(column, neighbours)
                      for column in columns.T]
    defined = [value for value in agreements if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else NAN


def _class_agreement(classes, neighbours):
    samples = classes.numel()
    counts = torch.bincount(classes).double()
    chance = (counts * (counts - 1)).sum().item() / (samples * (samples - 1))
    if chance == 1:
        return NAN
    share = (classes == classes[neighbours]).double().mean().item()
    return (share - chance) / (1 - chance)


def _number_agreement(targets, neighbours):
    variance = targets.var().item()
    if variance == 0:
        return NAN
    differences = targets - targets[neighbours]
    return 1 - differences.square().mean().item() / (2 * variance)


class _Layer:
    """The trainable tensors of one layer, by their names."""

    def __init__(self):
        self.tensors = {}

    def is_norm(self):
        """Whether its weight is a scale, as the bias beside it is a shift."""
        scale = self.tensors.get("weight")
        if scale is None:
            return False
        shift = self.tensors.get("bias")
        if shift is not None and shift.shape == scale.shape:
            return True
        return scale.dim() == 1 and not any(
            tensor.dim() >= 2 and "weight" in name
            for name, tensor in self.tensors.items())


def _is_layer_weight(path, name, tensor, layer):
    if tensor.dim() < 2 or layer.is_norm():
        return False
    if "weight" in name:
        return True
    return (tensor.shape[0] > 1 and tensor.numel() > tensor.shape[0] and
            "bias" not in name and "pos" not in path and "token" not in path)


def _outputs_of(path, name, tensor, layer):
    if name == "in_proj_weight":
        return tensor.shape[0] // 3
    is_table = (tensor.dim() == 2 and "emb" in path and
                "bias" not in layer.tensors)
    return tensor.shape[1 if is_table else 0]


def _is_recurrent(layer_name, name):
    return (name.startswith(("weight_ih", "weight_hh", "weight_hr")) or
            name == "weight" and
            layer_name.endswith(("input_projection", "hidden_projection")))


def network_features(model, outputs):
    """Of the trainable parameters of a module that gives `outputs` numbers for
    each sample or step."""
    tensors = []
    layers = {}
    for key, value in model.named_parameters():
        if not value.requires_grad:
            continue
        # With the dot even where a tensor is of the module itself.
        path = key.lower() if "." in key else "." + key.lower()
        layer_name, _, name = path.rpartition(".")
        tensors.append((path, layer_name, name, value))
        layers.setdefault(layer_name, _Layer()).tensors[name] = value
    count = sum(value.numel() for *_, value in tensors)
    weight_layers = convolutions = norms = recurrent = 0
    widths = []  # of the layers, in order
    for path, layer_name, name, value in tensors:
        layer = layers[layer_name]
        if _is_recurrent(layer_name, name):
            recurrent += value.numel()
        if layer.is_norm() and name in ("weight", "bias"):
            norms += value.numel()
        if not _is_layer_weight(path, name, value, layer):
            continue
        weight_layers += 3 if name == "in_proj_weight" else 1
        if value.dim() >= 3:
            convolutions += value.numel()
        widths.append(_outputs_of(path, name, value, layer))
    # The output layer is the last one, if it has as many outputs as the network.
    if len(widths) > 1 and widths[-1] == outputs:
        widths.pop()
    return {"weight_layers": float(weight_layers),
            "widest_layer": float(max(widths)) if widths else NAN,
            "convolution_share": convolutions / count,
            "norm_parameters": norms / count,
            "recurrent_weights": recurrent / count}
