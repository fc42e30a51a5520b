"""Networks of PyTorch's modules that the farm does not draw itself, each in random
sizes: wirings and layers that people use and a list of layers mostly cannot say.

VECTORS, IMAGES and STEPS name them. Each is called with a `Problem` and gives a module
that torch.jit.script takes. Networks in VECTORS take samples of any shape but tokens,
those in IMAGES [B, C, H, W], those in STEPS [B, T, F] or tokens [B, T].
"""

import dataclasses
import math
import random

import torch
from torch import nn
from torch.nn import functional as F


@dataclasses.dataclass
class Problem:
    shape: tuple[int, ...]  # of a sample
    outputs: int            # numbers of an answer
    vocabulary: int         # 0: the samples are no tokens
    each_step: bool         # whether each step has an answer
    draw: random.Random

    @property
    def numbers(self):
        return math.prod(self.shape)

    def choose(self, *options):
        return self.draw.choice(options)


def repeated(count, make):
    return nn.Sequential(*[make() for _ in range(count)])


# Samples of any shape, as vectors.


def hidden_layers(p, depths, widths, make):
    """make(inputs, width) gives the modules of a layer. Returns those of all layers,
    flattening first, and the width of the last."""
    modules, inputs = [nn.Flatten()], p.numbers
    for _ in range(p.choose(*depths)):
        width = p.choose(*widths)
        modules += make(inputs, width)
        inputs = width
    return modules, inputs


class SelfNormalizing(nn.Sequential):
    """SELU with the initial weights that it was made for, and alpha dropout."""

    def __init__(self, p):
        def make(inputs, width):
            layer = nn.Linear(inputs, width)
            nn.init.normal_(layer.weight, std=inputs ** -0.5)
            nn.init.zeros_(layer.bias)
            return [layer, nn.SELU()]

        modules, width = hidden_layers(p, (2, 3, 4, 6), (32, 64, 128), make)
        super().__init__(*modules, nn.AlphaDropout(p.choose(0.02, 0.1)),
                         nn.Linear(width, p.outputs))


class Rectified(nn.Sequential):
    """Rectifiers other than ReLU."""

    def __init__(self, p):
        kind = p.choose(nn.LeakyReLU, nn.ELU, nn.PReLU, nn.Softplus, nn.Hardswish)
        modules, width = hidden_layers(
            p, (1, 2, 3, 4), (24, 48, 96, 192),
            lambda inputs, width: [nn.Linear(inputs, width), kind()])
        super().__init__(*modules, nn.Linear(width, p.outputs))


class Logistic(nn.Sequential):
    """Logistic units, as before rectifiers."""

    def __init__(self, p):
        def make(inputs, width):
            layer = nn.Linear(inputs, width)
            nn.init.xavier_normal_(layer.weight)
            return [layer, nn.Sigmoid()]

        modules, width = hidden_layers(p, (1, 1, 2, 3), (16, 32, 64, 128), make)
        super().__init__(*modules, nn.Linear(width, p.outputs))


class RootMeanSquare(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.scale


class Branch(nn.Module):
    """x + f(x)"""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


class Residual(nn.Sequential):
    """Residual blocks behind norms by the root mean square."""

    def __init__(self, p):
        width = p.choose(32, 64, 128)
        super().__init__(nn.Flatten(), nn.Linear(p.numbers, width))
        for _ in range(p.choose(1, 2, 4)):
            self.append(Branch(nn.Sequential(
                RootMeanSquare(width), nn.Linear(width, 2 * width), nn.SiLU(),
                nn.Dropout(p.choose(0.0, 0.1)), nn.Linear(2 * width, width))))
        self.extend([RootMeanSquare(width), nn.Linear(width, p.outputs)])


class Scaled(nn.Module):
    """Times a number that is learnt and begins at zero."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return self.factor * x


class ReZero(nn.Sequential):
    """Residual branches that are nothing at first."""

    def __init__(self, p):
        width = p.choose(32, 64, 96)
        super().__init__(nn.Flatten(), nn.Linear(p.numbers, width))
        for _ in range(p.choose(2, 4, 8)):
            self.append(Branch(
                nn.Sequential(nn.Linear(width, width), nn.ReLU(), Scaled())))
        self.append(nn.Linear(width, p.outputs))


class CrossNetwork(nn.Module):
    """Products with the inputs again and again, beside a deep network."""

    def __init__(self, p):
        super().__init__()
        inputs = p.numbers
        rank = min(inputs, 32)
        width = p.choose(32, 64)
        self.down = nn.ModuleList(
            [nn.Linear(inputs, rank, bias=False) for _ in range(p.choose(1, 2, 3))])
        self.up = nn.ModuleList([nn.Linear(rank, inputs) for _ in self.down])
        self.deep = nn.Sequential(nn.Linear(inputs, width), nn.ReLU(),
                                  nn.Linear(width, width), nn.ReLU())
        self.head = nn.Linear(inputs + width, p.outputs)

    def forward(self, x):
        first = x.flatten(1)
        x = first
        for down, up in zip(self.down, self.up):
            x = first * up(down(x)) + x
        return self.head(torch.cat([x, self.deep(first)], 1))


class SoftTrees(nn.Module):
    """Trees whose decisions are shares between 0 and 1."""

    def __init__(self, p):
        super().__init__()
        self.trees, self.depth = p.choose(8, 16, 32), p.choose(3, 4)
        self.decide = nn.Linear(p.numbers, self.trees * self.depth)
        self.leaves = nn.Parameter(
            0.1 * torch.randn(self.trees, 2 ** self.depth, p.outputs))

    def forward(self, x):
        right = self.decide(x.flatten(1)).sigmoid().view(-1, self.trees, self.depth)
        share = torch.ones_like(right[:, :, :1])
        for level in range(self.depth):
            r = right[:, :, level:level + 1]
            share = torch.cat([share * r, share * (1 - r)], 2)
        return torch.einsum("btl,tlo->bo", share, self.leaves)


class FourierFeatures(nn.Module):
    """Sines of fixed random directions, then a small network."""

    def __init__(self, p):
        super().__init__()
        features, width = p.choose(32, 64, 128), p.choose(32, 64)
        self.register_buffer(
            "directions",
            torch.randn(p.numbers, features) * p.choose(0.3, 1.0) / p.numbers ** 0.5)
        self.rest = nn.Sequential(nn.Linear(2 * features, width), nn.ReLU(),
                                  nn.Linear(width, p.outputs))

    def forward(self, x):
        phase = x.flatten(1) @ self.directions
        return self.rest(torch.cat([phase.sin(), phase.cos()], 1))


class RadialBasis(nn.Module):
    """Distances from learnt centres decide."""

    def __init__(self, p):
        super().__init__()
        width, centres = p.choose(16, 32), p.choose(16, 32, 64)
        self.project = nn.Linear(p.numbers, width)
        self.centres = nn.Parameter(torch.randn(centres, width))
        self.head = nn.Linear(centres, p.outputs)

    def forward(self, x):
        x = self.project(x.flatten(1))
        squares = (x[:, None] - self.centres).square().mean(2)
        return self.head(torch.exp(-squares))


class SplineLayer(nn.Module):
    """A function of its own for each connection: a sum of bumps, and SiLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.register_buffer("centres", torch.linspace(-2, 2, 6))
        self.bumps = nn.Linear(6 * inputs, outputs)
        self.base = nn.Linear(inputs, outputs, bias=False)

    def forward(self, x):
        near = torch.exp(-(x[:, :, None] - self.centres).square() / 0.64)
        return self.bumps(near.flatten(1)) + self.base(F.silu(x))


class KolmogorovArnold(nn.Sequential):
    """Learnt functions on the connections."""

    def __init__(self, p):
        width, first = p.choose(8, 16, 24), p.choose(16, 32)
        super().__init__(
            nn.Flatten(), nn.Linear(p.numbers, first), SplineLayer(first, width),
            SplineLayer(width, p.outputs))


class SharedLayers(nn.Module):
    """One layer several times, in small steps."""

    def __init__(self, p):
        super().__init__()
        width = p.choose(32, 64, 128)
        self.times = p.choose(3, 6, 10)
        self.first, self.head = nn.Linear(p.numbers, width), nn.Linear(width, p.outputs)
        self.shared = nn.Linear(width, width)

    def forward(self, x):
        x = self.first(x.flatten(1))
        for _ in range(self.times):
            x = x + self.shared(x).tanh() / self.times
        return self.head(x)


class Parts(nn.Module):
    """[B, ...] to [B, parts, width]: the numbers of a sample in equal parts, at most
    `most`; zeros fill the last one."""

    def __init__(self, numbers: int, most: int, width: int):
        super().__init__()
        size = -(-numbers // most)
        self.parts = -(-numbers // size)
        self.missing = size * self.parts - numbers
        self.project = nn.Linear(size, width)
        self.place = nn.Parameter(0.02 * torch.randn(self.parts, width))

    def forward(self, x):
        x = F.pad(x.flatten(1), [0, self.missing])
        return self.project(x.view(x.shape[0], self.parts, -1)) + self.place


class DeepSets(nn.Module):
    """One network for all parts of a sample, their sum, another network."""

    def __init__(self, p):
        super().__init__()
        width = p.choose(32, 64)
        self.parts = Parts(p.numbers, p.choose(6, 12), width)
        self.inner = nn.Sequential(nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.outer = nn.Sequential(nn.Linear(width, width), nn.ReLU(),
                                   nn.Linear(width, p.outputs))

    def forward(self, x):
        return self.outer(self.inner(self.parts(x)).sum(1))


def split_heads(x, heads: int):
    """Queries, keys and values [B, T, 3 * width] to three of [B, heads, T, ...]"""
    return x.view(x.shape[0], x.shape[1], 3, heads, -1).permute(
        2, 0, 3, 1, 4).unbind(0)


def join_heads(x):
    """[B, heads, T, ...] to [B, T, width]"""
    return x.transpose(1, 2).flatten(2)


class Attention(nn.Module):
    """Of several heads; `linear` with kernels in the place of a softmax."""

    def __init__(self, width: int, heads: int, linear: bool = False):
        super().__init__()
        self.heads, self.linear = heads, linear
        self.three = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        q, k, v = split_heads(self.three(x), self.heads)
        if self.linear:
            q, k = F.elu(q) + 1, F.elu(k) + 1
            all_keys = k.sum(2)[..., None]
            x = q @ (k.transpose(2, 3) @ v) / (q @ all_keys + 1e-6)
        else:
            scores = q @ k.transpose(2, 3) / q.shape[3] ** 0.5
            x = scores.softmax(3) @ v
        return self.out(join_heads(x))


def block(width, mixer, activation):
    """Of tokens: a branch that mixes them, and one for each by itself."""
    return nn.Sequential(
        Branch(nn.Sequential(nn.LayerNorm(width), mixer)),
        Branch(nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width),
                             activation, nn.Linear(2 * width, width))))


class FeatureTokens(nn.Module):
    """Attention between the parts of a sample."""

    def __init__(self, p):
        super().__init__()
        width = p.choose(16, 32)
        self.parts = Parts(p.numbers, p.choose(8, 16), width)
        self.blocks = repeated(
            p.choose(1, 2), lambda: block(width, Attention(width, 4), nn.ReLU()))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.ReLU(),
                                  nn.Linear(width, p.outputs))

    def forward(self, x):
        return self.head(self.blocks(self.parts(x)).mean(1))


class Narrow(nn.Sequential):
    """A narrow layer in the middle, as in an autoencoder."""

    def __init__(self, p):
        wide, narrow = p.choose(64, 128), p.choose(4, 8, 16)
        super().__init__(
            nn.Flatten(), nn.Linear(p.numbers, wide), nn.GELU(),
            nn.Linear(wide, narrow), nn.Linear(narrow, wide), nn.GELU(),
            nn.Linear(wide, p.outputs))


class Cosine(nn.Module):
    """Angles between features and classes, times a scale."""

    def __init__(self, p):
        super().__init__()
        width = p.choose(32, 64, 128)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(p.numbers, width), nn.ReLU(),
                                  nn.Linear(width, width))
        self.classes = nn.Parameter(torch.randn(p.outputs, width))
        self.scale = nn.Parameter(torch.tensor(p.choose(4.0, 10.0)))

    def forward(self, x):
        return self.scale * F.normalize(self.body(x)) @ F.normalize(self.classes).t()


class WeightNormed(nn.Module):
    """The length of each unit's weights is a parameter of its own."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.direction = nn.Parameter(torch.randn(outputs, inputs))
        self.length = nn.Parameter(torch.ones(outputs, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return F.linear(x, self.length * F.normalize(self.direction), self.bias)


class WeightNorm(nn.Sequential):
    def __init__(self, p):
        width = p.choose(32, 64, 128)
        super().__init__(nn.Flatten(), WeightNormed(p.numbers, width), nn.ReLU())
        for _ in range(p.choose(0, 1, 2)):
            self.extend([WeightNormed(width, width), nn.ReLU()])
        self.append(WeightNormed(width, p.outputs))


class LinearPieces(nn.Module):
    """Learnt projections, each cut into 8 intervals: how much of each interval it
    fills. Then a network."""

    def __init__(self, p):
        super().__init__()
        first, width = p.choose(16, 32), p.choose(32, 64)
        self.project = nn.Linear(p.numbers, first)
        self.register_buffer("begins", torch.linspace(-2, 1.5, 8))
        self.rest = nn.Sequential(nn.Linear(8 * first, width), nn.ReLU(),
                                  nn.Linear(width, p.outputs))

    def forward(self, x):
        x = self.project(x.flatten(1))[:, :, None]
        return self.rest((2 * (x - self.begins)).clamp(0, 1).flatten(1))


class Memory(nn.Module):
    """The mean of learnt values, weighted by the products of their learnt keys with a
    query that is made from the sample."""

    def __init__(self, p):
        super().__init__()
        width, slots = p.choose(16, 32, 64), p.choose(16, 32, 64)
        self.query = nn.Sequential(nn.Flatten(), nn.Linear(p.numbers, width), nn.Tanh(),
                                 nn.Linear(width, width))
        self.keys = nn.Parameter(torch.randn(slots, width))
        self.values = nn.Parameter(torch.randn(slots, p.outputs))

    def forward(self, x):
        query = self.query(x)
        return (query @ self.keys.t() / query.shape[1] ** 0.5).softmax(1) @ self.values


class Reflection(nn.Module):
    """An orthogonal matrix: the product of a few reflections."""

    def __init__(self, width: int, count: int):
        super().__init__()
        self.normals = nn.Parameter(torch.randn(count, width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        for normal in F.normalize(self.normals):
            x = x - 2 * (x @ normal)[:, None] * normal
        return x + self.bias


class Reflections(nn.Sequential):
    """Hidden layers whose weights keep lengths and angles."""

    def __init__(self, p):
        width = p.choose(32, 64)
        super().__init__(nn.Flatten(), nn.Linear(p.numbers, width))
        for _ in range(p.choose(1, 2, 3)):
            self.extend([Reflection(width, p.choose(4, 8)), nn.LeakyReLU(0.3)])
        self.append(nn.Linear(width, p.outputs))


class Bump(nn.Module):
    """exp(-x^2)"""

    def forward(self, x):
        return torch.exp(-x.square())


class Bumps(nn.Sequential):
    """Units that are active only where their weighted sum is near 0."""

    def __init__(self, p):
        modules, width = hidden_layers(
            p, (1, 2, 3), (32, 64, 128),
            lambda inputs, width: [nn.Linear(inputs, width), Bump()])
        super().__init__(*modules, nn.Linear(width, p.outputs))


class Coupling(nn.Module):
    """[B, 2 * width]: to each half, a function of the other half is added."""

    def __init__(self, width: int):
        super().__init__()
        self.left, self.right = (
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(),
                          nn.Linear(width, width)) for _ in range(2))

    def forward(self, x):
        a, b = x.chunk(2, 1)
        a = a + self.left(b)
        return torch.cat([a, b + self.right(a)], 1)


class Reversible(nn.Sequential):
    """Blocks whose inputs can be computed from their outputs."""

    def __init__(self, p):
        width = p.choose(24, 48)
        super().__init__(
            nn.Flatten(), nn.Linear(p.numbers, 2 * width),
            repeated(p.choose(1, 2, 4), lambda: Coupling(width)),
            nn.Linear(2 * width, p.outputs))


class WrittenWeights(nn.Module):
    """A network computes, for each sample, the weights of a layer that stands between
    another network and the output."""

    def __init__(self, p):
        super().__init__()
        self.width = p.choose(8, 16)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(p.numbers, 32), nn.ReLU(),
                                  nn.Linear(32, self.width))
        self.weights = nn.Sequential(nn.Flatten(), nn.Linear(p.numbers, 16), nn.Tanh(),
                                   nn.Linear(16, self.width ** 2))
        self.head = nn.Linear(self.width, p.outputs)

    def forward(self, x):
        weights = self.weights(x).view(-1, self.width, self.width)
        hidden = (weights @ self.body(x)[:, :, None])[:, :, 0]
        return self.head(F.relu(hidden))


# Images.


class NetworkInNetwork(nn.Sequential):
    """1 x 1 convolutions behind larger ones, and the mean of each channel."""

    def __init__(self, p):
        super().__init__()
        channels = p.shape[0]
        for width in (p.choose(12, 24), p.choose(24, 48)):
            self.extend([
                nn.Conv2d(channels, width, 5, padding=2), nn.ReLU(),
                nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1),
                nn.ReLU(), nn.MaxPool2d(2)])
            channels = width
        self.extend([nn.Conv2d(channels, p.outputs, 1), nn.AdaptiveAvgPool2d(1),
                     nn.Flatten()])


class Bottlenecks(nn.Sequential):
    """Residual branches through few channels, in groups."""

    def __init__(self, p):
        width = p.choose(16, 32)
        super().__init__(nn.Conv2d(p.shape[0], width, 3, stride=2, padding=1))
        for _ in range(p.choose(1, 2, 3)):
            self.append(Branch(nn.Sequential(
                nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width // 2, 1),
                nn.ReLU(), nn.Conv2d(width // 2, width // 2, 3, padding=1, groups=4),
                nn.ReLU(), nn.Conv2d(width // 2, width, 1))))
        self.extend([nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                     nn.Linear(4 * width, p.outputs)])


class InstanceNormed(nn.Sequential):
    """Each channel of each image standardised, with leaky rectifiers."""

    def __init__(self, p):
        super().__init__()
        channels = p.shape[0]
        for _ in range(p.choose(1, 2)):
            width = p.choose(12, 24, 32)
            self.extend([nn.Conv2d(channels, width, 3, stride=2, padding=1),
                         nn.InstanceNorm2d(width, affine=True), nn.LeakyReLU(0.2)])
            channels = width
        self.extend([nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                     nn.Linear(4 * channels, p.outputs)])


class Dilated(nn.Sequential):
    """Dilated convolutions, without pooling before the end."""

    def __init__(self, p):
        super().__init__()
        channels, width = p.shape[0], p.choose(8, 12, 16)
        for dilation in (1, 2, 4):
            self.extend([nn.Conv2d(channels, width, 3, padding=dilation,
                                   dilation=dilation), nn.ELU()])
            channels = width
        self.extend([nn.AdaptiveAvgPool2d(3), nn.Flatten(),
                     nn.Linear(9 * width, p.outputs)])


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of each place."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class PoolMixer(nn.Sequential):
    """The mean of the neighbours takes the place of attention."""

    def __init__(self, p):
        width = p.choose(16, 32)
        super().__init__(nn.Conv2d(p.shape[0], width, 4, stride=4))
        for _ in range(p.choose(1, 2, 3)):
            self.append(Branch(nn.Sequential(
                ChannelNorm(width), nn.AvgPool2d(3, 1, 1))))
            self.append(Branch(nn.Sequential(
                ChannelNorm(width), nn.Conv2d(width, 2 * width, 1), nn.GELU(),
                nn.Conv2d(2 * width, width, 1))))
        self.extend([nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                     nn.Linear(width, p.outputs)])


class Patches(nn.Module):
    """[B, C, H, W] to [B, tokens, width]; what is left at the edges is not seen."""

    def __init__(self, p, width: int):
        super().__init__()
        size = max(2, min(p.shape[1:]) // 6)
        self.project = nn.Conv2d(p.shape[0], width, size, stride=size)
        tokens = (p.shape[1] // size) * (p.shape[2] // size)
        self.place = nn.Parameter(0.02 * torch.randn(tokens, width))

    def forward(self, x):
        return self.project(x).flatten(2).transpose(1, 2) + self.place


class FourierMixing(nn.Module):
    def forward(self, x):
        return torch.real(torch.fft.fft2(x, norm="ortho"))


class TokenNetwork(nn.Module):
    """Patches, blocks of a mixer of tokens and of a mixer of channels, a mean."""

    def __init__(self, p, width, mixer):
        super().__init__()
        self.patches = Patches(p, width)
        self.blocks = repeated(
            p.choose(1, 2, 3), lambda: block(width, mixer(), nn.GELU()))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, p.outputs))

    def forward(self, x):
        return self.head(self.blocks(self.patches(x)).mean(1))


class FourierMixer(TokenNetwork):
    """A Fourier transform takes the place of attention."""

    def __init__(self, p):
        super().__init__(p, p.choose(16, 32, 48), FourierMixing)


class LinearAttention(TokenNetwork):
    """Attention whose cost grows with the tokens, not with their square."""

    def __init__(self, p):
        width = p.choose(16, 32, 48)
        super().__init__(p, width, lambda: Attention(width, 4, True))


class Perceiver(nn.Module):
    """A few learnt vectors look at all the patches."""

    def __init__(self, p):
        super().__init__()
        width = p.choose(16, 32)
        self.patches = Patches(p, width)
        self.asking = nn.Parameter(0.1 * torch.randn(p.choose(4, 8), width))
        self.keys, self.values = nn.Linear(width, width), nn.Linear(width, width)
        self.inner = repeated(
            p.choose(1, 2), lambda: block(width, Attention(width, 4), nn.GELU()))
        self.head = nn.Linear(width, p.outputs)

    def forward(self, x):
        tokens = self.patches(x)
        scores = self.asking @ self.keys(tokens).transpose(1, 2)
        seen = (scores / tokens.shape[2] ** 0.5).softmax(2) @ self.values(tokens)
        return self.head(self.inner(seen + self.asking).mean(1))


class Coordinates(nn.Module):
    """Channels that say where a place is."""

    def __init__(self, p):
        super().__init__()
        width = p.choose(12, 24)
        self.register_buffer("place", torch.stack(torch.meshgrid(
            torch.linspace(-1, 1, p.shape[1]), torch.linspace(-1, 1, p.shape[2]),
            indexing="ij"))[None])
        self.rest = nn.Sequential(
            nn.Conv2d(p.shape[0] + 2, width, 3, stride=2), nn.ReLU(),
            nn.Conv2d(width, width, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(2),
            nn.Flatten(), nn.Linear(4 * width, p.outputs))

    def forward(self, x):
        return self.rest(torch.cat([x, self.place.expand(x.shape[0], -1, -1, -1)], 1))


class ColumnReader(nn.Module):
    """Convolutions, then a recurrent layer over the columns."""

    def __init__(self, p):
        super().__init__()
        width, units = p.choose(8, 16), p.choose(16, 32)
        self.convolve = nn.Sequential(
            nn.Conv2d(p.shape[0], width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.read = nn.GRU(width * (p.shape[1] // 2), units, batch_first=True,
                           bidirectional=True)
        self.head = nn.Linear(2 * units, p.outputs)

    def forward(self, x):
        columns = self.convolve(x).permute(0, 3, 1, 2).flatten(2)
        return self.head(self.read(columns)[0].mean(1))


class Pyramid(nn.Module):
    """The image in three sizes, a branch for each, and their sum."""

    def __init__(self, p):
        super().__init__()
        width = p.choose(8, 16)
        self.branches = nn.ModuleList([
            nn.Sequential(nn.Conv2d(p.shape[0], width, 3, padding=1), nn.ReLU(),
                          nn.AdaptiveMaxPool2d(2), nn.Flatten(),
                          nn.Linear(4 * width, 32)) for _ in range(3)])
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(32, p.outputs))

    def forward(self, x):
        answers: list[torch.Tensor] = []
        for i, branch in enumerate(self.branches):
            if i > 0:
                x = F.avg_pool2d(x, 2)
            answers.append(branch(x))
        return self.head(torch.stack(answers).sum(0))


class Factorized(nn.Sequential):
    """Kernels of one row, then of one column."""

    def __init__(self, p):
        super().__init__()
        channels, places = p.shape[0], p.shape[1:]
        for _ in range(p.choose(1, 2)):
            width = p.choose(12, 24)
            self.extend([
                nn.Conv2d(channels, width, (1, 5), padding=(0, 2)), nn.Tanh(),
                nn.Conv2d(width, width, (5, 1), padding=(2, 0)), nn.Tanh(),
                nn.AvgPool2d(2)])
            channels = width
            places = places[0] // 2, places[1] // 2
        self.extend([nn.Flatten(),
                     nn.Linear(channels * math.prod(places), p.outputs)])


class Shift(nn.Module):
    """One quarter of the channels moves down by one place, one up, one right and one
    left. What leaves comes in at the opposite edge."""

    def forward(self, x):
        down, up, right, left = x.chunk(4, 1)
        return torch.cat([down.roll(1, 2), up.roll(-1, 2), right.roll(1, 3),
                          left.roll(-1, 3)], 1)


class Shifts(nn.Sequential):
    """A 2 x 2 convolution, then residual branches that shift the channels before a 1 x 1
    convolution."""

    def __init__(self, p):
        super().__init__()
        width = p.choose(16, 32)
        self.extend([nn.Conv2d(p.shape[0], width, 2, stride=2), nn.ReLU()])
        for _ in range(p.choose(2, 3, 4)):
            self.append(Branch(nn.Sequential(
                nn.BatchNorm2d(width), Shift(), nn.Conv2d(width, width, 1), nn.ReLU())))
        self.extend([nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                     nn.Linear(4 * width, p.outputs)])


class Involution(nn.Module):
    """Kernels of 3 x 3 that are computed at each place from its own values. The
    channels of a group share one."""

    def __init__(self, width: int, groups: int):
        super().__init__()
        self.groups = groups
        self.kernels = nn.Sequential(nn.Conv2d(width, width // 2, 1), nn.ReLU(),
                                     nn.Conv2d(width // 2, 9 * groups, 1))

    def forward(self, x):
        b, c, h, w = x.shape
        neighbours = F.unfold(x, [3, 3], padding=[1, 1])
        neighbours = neighbours.view(b, self.groups, c // self.groups, 9, h, w)
        kernels = self.kernels(x).view(b, self.groups, 1, 9, h, w)
        return (kernels * neighbours).sum(3).view(b, c, h, w)


class Involutions(nn.Sequential):
    """Kernels that depend on what they look at."""

    def __init__(self, p):
        width = p.choose(16, 24)
        super().__init__(nn.Conv2d(p.shape[0], width, 3, stride=2, padding=1))
        for _ in range(p.choose(1, 2)):
            self.extend([nn.GroupNorm(4, width), nn.ReLU(), Involution(width, 4),
                         nn.Conv2d(width, width, 1), nn.ReLU(), nn.MaxPool2d(2)])
        self.extend([nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                     nn.Linear(4 * width, p.outputs)])


class FixedFilters(nn.Module):
    """Fixed wave filters (Gabor) of the grey image, their mean strength in each
    region, and a network."""

    def __init__(self, p):
        super().__init__()
        places = torch.arange(-3.0, 4)
        envelope = torch.exp(-(places[:, None].square() + places.square()) / 8)
        waves = []
        for rate in (0.8, 1.6):
            for turn in range(4):
                angle = math.pi * turn / 4
                phase = rate * (math.cos(angle) * places[:, None]
                                + math.sin(angle) * places)
                waves += [envelope * phase.sin(), envelope * phase.cos()]
        filters = torch.stack([wave - wave.mean() for wave in waves])
        self.register_buffer("filters", (filters / filters.square().sum(
            (1, 2), keepdim=True).sqrt())[:, None])
        width, regions = p.choose(32, 64), p.choose(3, 4)
        self.rest = nn.Sequential(nn.AdaptiveAvgPool2d(regions), nn.Flatten(),
                                  nn.Linear(8 * regions ** 2, width), nn.ReLU(),
                                  nn.Linear(width, p.outputs))

    def forward(self, x):
        filtered = F.conv2d(x.mean(1, keepdim=True), self.filters, padding=3)
        sine, cosine = filtered[:, 0::2], filtered[:, 1::2]
        return self.rest(torch.sqrt(sine.square() + cosine.square() + 1e-4))


class Unshared(nn.Module):
    """Weights of its own for each part of the image; what is left at the edges is not
    seen."""

    def __init__(self, p):
        super().__init__()
        self.size, width = max(3, min(p.shape[1:]) // 5), p.choose(4, 8)
        parts = (p.shape[1] // self.size) * (p.shape[2] // self.size)
        inputs = p.shape[0] * self.size ** 2
        self.weights = nn.Parameter(torch.randn(parts, inputs, width) / inputs ** 0.5)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(parts * width, 48), nn.Tanh(),
                                  nn.Linear(48, p.outputs))

    def forward(self, x):
        parts = F.unfold(x, [self.size, self.size], stride=[self.size, self.size])
        return self.head(torch.einsum("bip,piw->bpw", parts, self.weights).tanh())


class SpatialPyramid(nn.Module):
    """The largest value of each channel in the whole image, in its quarters and in its
    sixteenths."""

    def __init__(self, p):
        super().__init__()
        width = p.choose(12, 24)
        self.convolve = nn.Sequential(
            nn.Conv2d(p.shape[0], width, 3, padding=1), nn.SiLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1), nn.SiLU())
        self.head = nn.Linear(21 * width, p.outputs)

    def forward(self, x):
        x = self.convolve(x)
        return self.head(torch.cat([F.adaptive_max_pool2d(x, [size, size]).flatten(1)
                                    for size in (1, 2, 4)], 1))


# Steps.


class StepNetwork(nn.Module):
    """Tokens or numbers of each step to vectors, a body [B, T, width] to the same
    shape, and an answer for each step or for their mean."""

    def __init__(self, p, width, body):
        super().__init__()
        self.each_step = p.each_step
        self.into = (nn.Embedding(p.vocabulary, width) if p.vocabulary else
                     nn.Linear(p.shape[1], width))
        self.body = body
        self.head = nn.Linear(width, p.outputs)

    def forward(self, x):
        x = self.body(self.into(x))
        return self.head(x if self.each_step else x.mean(1))


class MinimalGate(nn.Module):
    """A recurrent cell with one gate."""

    def __init__(self, width: int):
        super().__init__()
        self.gate = nn.Linear(2 * width, width)
        self.new = nn.Linear(2 * width, width)

    def forward(self, x):
        h = torch.zeros_like(x[:, 0])
        states: list[torch.Tensor] = []
        for t in range(x.shape[1]):
            share = self.gate(torch.cat([x[:, t], h], 1)).sigmoid()
            new = self.new(torch.cat([x[:, t], share * h], 1)).tanh()
            h = (1 - share) * h + share * new
            states.append(h)
        return torch.stack(states, 1)


class IndependentUnits(nn.Module):
    """Recurrent units that see nothing but themselves."""

    def __init__(self, width: int):
        super().__init__()
        self.inputs = nn.Linear(width, width)
        self.own = nn.Parameter(torch.rand(width))

    def forward(self, x):
        x = self.inputs(x)
        own = self.own.clamp(-1, 1)  # else states would grow without bound
        h = torch.zeros_like(x[:, 0])
        states: list[torch.Tensor] = []
        for t in range(x.shape[1]):
            h = F.relu(x[:, t] + own * h)
            states.append(h)
        return torch.stack(states, 1)


class QuasiRecurrent(nn.Module):
    """Gates from convolutions; what is recurrent has no weights."""

    def __init__(self, width: int):
        super().__init__()
        self.convolve = nn.Conv1d(width, 3 * width, 2, padding=1)

    def forward(self, x):
        steps = x.shape[1]
        new, forget, out = self.convolve(x.transpose(1, 2))[:, :, :steps].chunk(3, 1)
        new, forget = new.tanh(), forget.sigmoid()
        c = torch.zeros_like(new[:, :, 0])
        states: list[torch.Tensor] = []
        for t in range(steps):
            c = forget[:, :, t] * c + (1 - forget[:, :, t]) * new[:, :, t]
            states.append(c)
        return (torch.stack(states, 2) * out.sigmoid()).transpose(1, 2)


class StateSpace(nn.Module):
    """Linear recurrences with rates between 0 and 1, and a network behind."""

    def __init__(self, width: int):
        super().__init__()
        self.rate = nn.Parameter(torch.linspace(0.0, 4.0, width))
        self.into, self.out = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        rate = self.rate.sigmoid()
        # sqrt(1 - rate^2), also where the rate is nearly 1.
        inputs = self.into(x) * torch.sqrt(
            -torch.expm1(2 * F.logsigmoid(self.rate)))
        h = torch.zeros_like(inputs[:, 0])
        states: list[torch.Tensor] = []
        for t in range(x.shape[1]):
            h = rate * h + inputs[:, t]
            states.append(h)
        return x + self.out(F.gelu(torch.stack(states, 1)))


class FixedRecurrence(nn.Module):
    """Random recurrent weights that are not trained, and a network behind."""

    def __init__(self, width: int, units: int):
        super().__init__()
        weights = torch.randn(units, units)
        self.register_buffer(
            "recurrent", 0.9 * weights / torch.linalg.matrix_norm(weights, 2))
        self.register_buffer("inputs", torch.randn(width, units) / width ** 0.5)
        self.read = nn.Sequential(nn.Linear(units, width), nn.ReLU())

    def forward(self, x):
        x = x @ self.inputs
        h = torch.zeros_like(x[:, 0])
        states: list[torch.Tensor] = []
        for t in range(x.shape[1]):
            h = (x[:, t] + h @ self.recurrent).tanh()
            states.append(h)
        return self.read(torch.stack(states, 1))


class Lstm(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.lstm = nn.LSTM(width, 2 * width, batch_first=True, proj_size=width)

    def forward(self, x):
        return self.lstm(x)[0]


class OneGate(StepNetwork):
    def __init__(self, p):
        width = p.choose(16, 32)
        super().__init__(p, width, MinimalGate(width))


class Independent(StepNetwork):
    def __init__(self, p):
        width = p.choose(16, 32, 48)
        super().__init__(p, width, repeated(p.choose(1, 2),
                                            lambda: IndependentUnits(width)))


class Quasi(StepNetwork):
    def __init__(self, p):
        width = p.choose(16, 32)
        super().__init__(p, width, repeated(p.choose(1, 2),
                                            lambda: QuasiRecurrent(width)))


class Diagonal(StepNetwork):
    def __init__(self, p):
        width = p.choose(16, 32)
        super().__init__(p, width, repeated(p.choose(1, 2, 3),
                                            lambda: StateSpace(width)))


class EchoState(StepNetwork):
    def __init__(self, p):
        width = p.choose(16, 32)
        super().__init__(p, width, FixedRecurrence(width, p.choose(32, 64)))


class Projected(StepNetwork):
    """An LSTM whose states are projected to fewer numbers."""

    def __init__(self, p):
        width = p.choose(12, 24)
        super().__init__(p, width, Lstm(width))


class Rotary(nn.Module):
    """Causal attention with rotated queries and keys."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.three = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        pairs = width // heads // 2
        self.register_buffer("rates", 100.0 ** (-torch.arange(pairs) / pairs))

    def turned(self, x):
        angle = torch.arange(x.shape[2], device=x.device)[:, None] * self.rates
        a, b = x.chunk(2, 3)
        return torch.cat([a * angle.cos() - b * angle.sin(),
                          a * angle.sin() + b * angle.cos()], 3)

    def forward(self, x):
        q, k, v = split_heads(self.three(x), self.heads)
        t = x.shape[1]
        scores = self.turned(q) @ self.turned(k).transpose(2, 3)
        later = torch.ones(t, t, dtype=torch.bool, device=x.device).triu(1)
        scores = scores / q.shape[3] ** 0.5
        x = scores.masked_fill(later, float("-inf")).softmax(3) @ v
        return self.out(join_heads(x))


class GatedFeedForward(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.both = nn.Linear(width, 4 * width, bias=False)
        self.out = nn.Linear(2 * width, width, bias=False)

    def forward(self, x):
        a, b = self.both(x).chunk(2, 2)
        return self.out(F.silu(a) * b)


class LanguageBlocks(StepNetwork):
    """Blocks as in LLaMA: rotary positions, gated networks, no biases."""

    def __init__(self, p):
        width = p.choose(16, 32)
        super().__init__(p, width, nn.Sequential(
            repeated(p.choose(1, 2), lambda: nn.Sequential(
                Branch(nn.Sequential(RootMeanSquare(width), Rotary(width, 4))),
                Branch(nn.Sequential(RootMeanSquare(width),
                                     GatedFeedForward(width))))),
            RootMeanSquare(width)))


class Beside(nn.Module):
    """x + attention(norm(x)) + network(norm(x))"""

    def __init__(self, width: int):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(width), Attention(width, 4)
        self.network = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(),
                                     nn.Linear(2 * width, width))

    def forward(self, x):
        normed = self.norm(x)
        return x + self.attention(normed) + self.network(normed)


class ParallelBlocks(StepNetwork):
    """Attention and a network side by side."""

    def __init__(self, p):
        width = p.choose(16, 32)
        super().__init__(p, width, nn.Sequential(
            repeated(p.choose(1, 2), lambda: Beside(width)), nn.LayerNorm(width)))


class ClockUnits(nn.Module):
    """Recurrent units in four groups. The first changes at every step, the others at
    every second, fourth and eighth step."""

    def __init__(self, width: int):
        super().__init__()
        self.inputs, self.recurrent = nn.Linear(width, width), nn.Linear(width, width)
        self.register_buffer("period", 2 ** (torch.arange(width) * 4 // width))

    def forward(self, x):
        x = self.inputs(x)
        h = torch.zeros_like(x[:, 0])
        states: list[torch.Tensor] = []
        for t in range(x.shape[1]):
            h = torch.where(t % self.period == 0, (x[:, t] + self.recurrent(h)).tanh(), h)
            states.append(h)
        return torch.stack(states, 1)


class ProductUnits(nn.Module):
    """Recurrent weights that the input scales."""

    def __init__(self, width: int):
        super().__init__()
        self.inputs, self.scale = nn.Linear(width, width), nn.Linear(width, width)
        self.down = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, width, bias=False)

    def forward(self, x):
        new, scale = self.inputs(x), self.scale(x)
        h = torch.zeros_like(x[:, 0])
        states: list[torch.Tensor] = []
        for t in range(x.shape[1]):
            h = (new[:, t] + self.up(scale[:, t] * self.down(h))).tanh()
            states.append(h)
        return torch.stack(states, 1)


class RotatingUnits(nn.Module):
    """A state that changes in small steps, by the tanh of the input, of antisymmetric
    recurrent weights and of a small decay."""

    def __init__(self, width: int):
        super().__init__()
        self.inputs = nn.Linear(width, width)
        self.weights = nn.Parameter(torch.randn(width, width) / width ** 0.5)

    def forward(self, x):
        x = self.inputs(x)
        turn = self.weights - self.weights.t()
        h = torch.zeros_like(x[:, 0])
        states: list[torch.Tensor] = []
        for t in range(x.shape[1]):
            h = h + 0.3 * (x[:, t] + h @ turn - 0.1 * h).tanh()
            states.append(h)
        return torch.stack(states, 1)


class RunningMeans(nn.Module):
    """Weighted means of all steps so far, times a gate. Weights and gate are computed
    from each step."""

    def __init__(self, width: int):
        super().__init__()
        self.three, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        weight, value, gate = self.three(x).chunk(3, 2)
        weight = weight.clamp(-10, 10).exp()
        means = (weight * value).cumsum(1) / weight.cumsum(1)
        return self.out(gate.sigmoid() * means)


class NearAttention(nn.Module):
    """Attention whose scores fall with the distance, at a learnt rate for each head.
    Without `softmax` the scores themselves weigh, times a factor that falls."""

    def __init__(self, width: int, heads: int, softmax: bool):
        super().__init__()
        self.heads, self.softmax = heads, softmax
        self.three, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.slope = nn.Parameter(2.0 ** (-torch.arange(heads) - 1.0))

    def forward(self, x):
        q, k, v = split_heads(self.three(x), self.heads)
        place = torch.arange(x.shape[1], device=x.device)
        distance = (place[:, None] - place).abs()
        penalty = distance * self.slope.abs()[:, None, None]
        scores = q @ k.transpose(2, 3) / q.shape[3] ** 0.5
        if self.softmax:
            weights = (scores - penalty).softmax(3)
        else:
            weights = scores * torch.exp(-penalty) / x.shape[1] ** 0.5
        return self.out(join_heads(weights @ v))


class Clockwork(StepNetwork):
    """A recurrent layer whose units change at different rates."""

    def __init__(self, p):
        width = p.choose(16, 32, 48)
        super().__init__(p, width, ClockUnits(width))


class Multiplicative(StepNetwork):
    """A recurrent layer whose weights the input scales."""

    def __init__(self, p):
        width = p.choose(16, 32)
        super().__init__(p, width, ProductUnits(width))


class Antisymmetric(StepNetwork):
    """A recurrent layer that turns its state."""

    def __init__(self, p):
        width = p.choose(16, 32, 48)
        super().__init__(p, width, RotatingUnits(width))


class StepBlocks(StepNetwork):
    """Blocks of a mixer of the steps and of a network for each step."""

    def __init__(self, p, mixer, activation):
        width = p.choose(16, 32)
        super().__init__(p, width, repeated(
            p.choose(1, 2), lambda: block(width, mixer(width), activation())))


class AttentionFree(StepBlocks):
    """Running means take the place of attention."""

    def __init__(self, p):
        super().__init__(p, RunningMeans, nn.GELU)


class DistanceAttention(StepBlocks):
    """Attention whose scores fall with the distance between steps."""

    def __init__(self, p):
        super().__init__(p, lambda width: NearAttention(width, 4, True), nn.SiLU)


class Retention(StepBlocks):
    """Attention that has no softmax and fades with the distance."""

    def __init__(self, p):
        super().__init__(p, lambda width: NearAttention(width, 4, False), nn.GELU)


VECTORS = {kind.__name__: kind for kind in (
    SelfNormalizing, Rectified, Logistic, Residual, ReZero, CrossNetwork, SoftTrees,
    FourierFeatures, RadialBasis, KolmogorovArnold, SharedLayers, DeepSets,
    FeatureTokens, Narrow, Cosine, WeightNorm, LinearPieces, Memory,
    Reflections, Bumps, Reversible, WrittenWeights)}
IMAGES = {kind.__name__: kind for kind in (
    NetworkInNetwork, Bottlenecks, InstanceNormed, Dilated, PoolMixer, FourierMixer,
    LinearAttention, Perceiver, Coordinates, ColumnReader, Pyramid, Factorized,
    Shifts, Involutions, FixedFilters, Unshared, SpatialPyramid)}
STEPS = {kind.__name__: kind for kind in (
    OneGate, Independent, Quasi, Diagonal, EchoState, Projected, LanguageBlocks,
    ParallelBlocks, Clockwork, Multiplicative, Antisymmetric, AttentionFree,
    DistanceAttention, Retention)}
