"""Small networks and batches of every task, for the tests."""

import torch
from torch import nn
from torch.nn import functional

B = 24


class Mlp(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__(nn.Flatten(), nn.Linear(inputs, 32), nn.GELU(),
                         nn.Dropout(0.3), nn.Linear(32, 24), nn.ReLU(),
                         nn.Linear(24, outputs))


class BatchNormCnn(nn.Sequential):
    def __init__(self, channels, outputs):
        super().__init__(
            nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 12, 3, stride=2, bias=False), nn.BatchNorm2d(12),
            nn.ReLU(), nn.Dropout2d(0.2), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(12, outputs))


class Gru(nn.Module):
    """`per_step`: an output for each step, or one of the last."""

    def __init__(self, inputs, outputs, per_step: bool):
        super().__init__()
        self.rnn = nn.GRU(inputs, 14, num_layers=2, batch_first=True,
                          bidirectional=True)
        self.head = nn.Linear(28, outputs)
        self.per_step = per_step

    def forward(self, x):
        outputs = self.head(self.rnn(x)[0])
        if self.per_step:
            return outputs
        return outputs[:, -1]


class Attention(nn.Module):
    def __init__(self, inputs, outputs, per_step: bool):
        super().__init__()
        self.embed = nn.Linear(inputs, 16)
        self.position = nn.Parameter(0.02 * torch.randn(1, 6, 16))
        self.norm1, self.norm2 = nn.LayerNorm(16), nn.LayerNorm(16)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(16, 32), nn.GELU(),
                                 nn.Linear(32, 16))
        self.head = nn.Linear(16, outputs)
        self.per_step = per_step

    def forward(self, x):
        x = self.embed(x) + self.position
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.mlp(self.norm2(x))
        if self.per_step:
            return self.head(x)
        return self.head(x.mean(1))


class Tokens(nn.Module):
    """Of sequences of tokens."""

    vocabulary = 9

    def __init__(self, outputs):
        super().__init__()
        self.embedding = nn.Embedding(self.vocabulary, 12)
        self.rnn = nn.LSTM(12, 16, batch_first=True)
        self.head = nn.Linear(16, outputs)

    def forward(self, x):
        return self.head(self.rnn(self.embedding(x))[0][:, -1])


class Language(nn.Module):
    """Gives the next token at each step of a sequence of tokens."""

    def __init__(self, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 16)
        self.rnn = nn.LSTM(16, 24, batch_first=True)
        self.head = nn.Linear(24, vocabulary)

    def forward(self, x):
        return self.head(self.rnn(self.embedding(x))[0])


class Counting(nn.Module):
    """Keeps what a careless probe would change: a buffer, a number, a list, a
    tensor, and dropout that is a function and stays on in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(5, 8), nn.BatchNorm1d(8)
        self.head, self.frozen = nn.Linear(8, 3), nn.Linear(8, 8)
        self.frozen.requires_grad_(False)
        self.register_buffer("seen", torch.zeros(()))
        self.passes, self.history, self.last = 0, [], torch.zeros(1)

    def forward(self, x):
        self.passes += 1
        self.seen += 1
        self.history.append(len(x))
        self.last = self.layer(x).detach()
        y = self.frozen(torch.relu(self.norm(self.layer(x))))
        return self.head(functional.dropout(y, 0.5))


class Remembering(nn.Module):
    """Outputs depend on what earlier passes have left: a buffer, a number, a
    list in a dict, and a tensor of the pass before. The first pass is that of
    the layer alone."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 3)
        self.register_buffer("scale", torch.ones(()))
        self.passes, self.log = 0, {"sizes": []}
        self.last = torch.zeros(3)

    def forward(self, x):
        y = self.layer(x)
        passes = self.passes + len(self.log["sizes"])
        outputs = self.scale.clone() * y * (1 + passes) + self.last
        self.scale += 1
        self.passes += 1
        self.log["sizes"].append(len(x))
        self.last = y.detach().mean(0)
        return outputs


class Growing(nn.Module):
    """Its outputs grow with every pass."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.layer = nn.Linear(inputs, outputs)
        self.register_buffer("passes", torch.ones(()))

    def forward(self, x):
        outputs = self.passes.clone() * self.layer(x)
        self.passes.add_(1)
        return outputs


def batch(task, shape, outputs, seed=0, vocabulary=0):
    """Inputs of samples of that shape, and targets that depend on them."""
    generator = torch.Generator().manual_seed(seed)
    if vocabulary:
        x = torch.randint(vocabulary, (B, *shape), generator=generator)
        # Each sample has one that is nearest: of several, the first one counts,
        # and the program draws its order.
        x[1::2] = x[::2].flip(1)
        return x, (x[:, 0] + x.sum(1)) % outputs
    x = torch.randn(B, *shape, generator=generator)
    if task == "sequence":
        steps = shape[0]
        scores = x @ torch.randn(shape[-1], outputs, generator=generator)
        return x, scores.argmax(-1).reshape(B, steps)
    scores = x.flatten(1) @ torch.randn(x[0].numel(), outputs,
                                        generator=generator)
    if task == "classification":
        return x, scores.argmax(-1)
    if task == "multilabel":
        return x, (scores > 0).float()
    y = scores[:, 0].double()
    return x, ((y - y.mean()) / y.std(unbiased=False)).float()


def cases():
    """Name, network, task, shape of a sample, and outputs."""
    torch.manual_seed(7)
    return [
        ("mlp, classification", Mlp(30, 5), "classification", (30,), 5),
        ("mlp, regression", Mlp(30, 1), "regression", (30,), 1),
        ("mlp, multilabel", Mlp(30, 4), "multilabel", (30,), 4),
        ("cnn, classification", BatchNormCnn(3, 5), "classification",
         (3, 10, 10), 5),
        ("cnn, regression", BatchNormCnn(1, 1), "regression", (1, 10, 10), 1),
        ("gru, classification", Gru(7, 5, False), "classification", (6, 7), 5),
        ("gru, sequence", Gru(7, 5, True), "sequence", (6, 7), 5),
        ("attention, classification", Attention(7, 5, False),
         "classification", (6, 7), 5),
        ("attention, sequence", Attention(7, 3, True), "sequence", (6, 7), 3),
        ("attention, multilabel", Attention(7, 4, False), "multilabel",
         (6, 7), 4),
        ("lstm on tokens, classification", Tokens(5), "classification", (8,),
         5)]
