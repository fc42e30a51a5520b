"""Makes the networks in tests/foreign/networks: TorchScript files of networks
that no sampler of the farm draws. Needs PyTorch (requirements.txt beside this
file names the versions that the committed files were made with).
"""

import argparse
import pathlib

import torch
from torch import nn
from torch.nn import functional as F


# For grey images [B, 1, 28, 28] and ten classes.


class TutorialCnn(nn.Sequential):
    """Two convolutions, pooling and dropout, as in tutorials."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU(),
            nn.MaxPool2d(4), nn.Dropout(0.25), nn.Flatten(),
            nn.Linear(16 * 36, 64), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(64, 10))


class LocalResponseCnn(nn.Sequential):
    """A small AlexNet: local response norm, overlapping pooling."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(),
            nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2),
            nn.Conv2d(16, 24, 5, padding=2), nn.ReLU(),
            nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2), nn.Flatten(),
            nn.Linear(24 * 36, 32), nn.ReLU(), nn.Linear(32, 10))


class SqueezeExcitation(nn.Module):
    """Convolutions whose channels are weighted by a gate from their means."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 24, 3, stride=2, padding=1)
        self.conv1 = nn.Conv2d(24, 24, 3, padding=1)
        self.gate1 = nn.Sequential(nn.Linear(24, 6), nn.ReLU(),
                                   nn.Linear(6, 24), nn.Sigmoid())
        self.conv2 = nn.Conv2d(24, 48, 3, stride=2, padding=1)
        self.gate2 = nn.Sequential(nn.Linear(48, 12), nn.ReLU(),
                                   nn.Linear(12, 48), nn.Sigmoid())
        self.norm1, self.norm2 = nn.BatchNorm2d(24), nn.BatchNorm2d(48)
        self.head = nn.Linear(48, 10)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = F.relu(self.norm1(self.conv1(x)))
        x = x * self.gate1(x.mean((2, 3)))[:, :, None, None]
        x = F.relu(self.norm2(self.conv2(x)))
        x = x * self.gate2(x.mean((2, 3)))[:, :, None, None]
        return self.head(x.mean((2, 3)))


class InceptionBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.one = nn.Conv2d(channels, 8, 1)
        self.three = nn.Sequential(nn.Conv2d(channels, 6, 1), nn.ReLU(),
                                   nn.Conv2d(6, 12, 3, padding=1))
        self.five = nn.Sequential(nn.Conv2d(channels, 4, 1), nn.ReLU(),
                                  nn.Conv2d(4, 6, 5, padding=2))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1),
                                  nn.Conv2d(channels, 6, 1))

    def forward(self, x):
        return F.relu(torch.cat([self.one(x), self.three(x), self.five(x),
                                 self.pool(x)], 1))


class Inception(nn.Sequential):
    """Blocks of four parallel branches that are concatenated."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.ReLU(),
            InceptionBlock(16), InceptionBlock(32), nn.MaxPool2d(2),
            InceptionBlock(32), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(32, 10))


class DenseBlock(nn.Module):
    def __init__(self, channels, growth, layers):
        super().__init__()
        self.layers = nn.ModuleList([
            nn.Sequential(nn.BatchNorm2d(channels + i * growth), nn.ReLU(),
                          nn.Conv2d(channels + i * growth, growth, 3,
                                    padding=1, bias=False))
            for i in range(layers)])

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


class DenseNet(nn.Sequential):
    """Every layer sees what all layers before it have made."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 12, 3, stride=2, padding=1),
            DenseBlock(12, 8, 3), nn.Conv2d(36, 18, 1), nn.AvgPool2d(2),
            DenseBlock(18, 8, 3), nn.BatchNorm2d(42), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(42, 10))


class UNet(nn.Module):
    """Down and up again, with a connection between equal sizes."""

    def __init__(self):
        super().__init__()
        self.down1 = nn.Conv2d(1, 10, 3, padding=1)
        self.down2 = nn.Conv2d(10, 20, 3, padding=1)
        self.bottom = nn.Conv2d(20, 20, 3, padding=1)
        self.up = nn.ConvTranspose2d(20, 10, 2, stride=2)
        self.join = nn.Conv2d(20, 10, 3, padding=1)
        self.head = nn.Linear(10, 10)

    def forward(self, x):
        first = F.relu(self.down1(x))
        x = F.relu(self.down2(F.max_pool2d(first, 2)))
        x = F.relu(self.bottom(x))
        x = F.relu(self.join(torch.cat([first, self.up(x)], 1)))
        return self.head(F.adaptive_max_pool2d(x, 1).flatten(1))


class Highway(nn.Module):
    """Layers whose gates choose between their input and something new."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(784, 40)
        self.new = nn.ModuleList([nn.Linear(40, 40) for _ in range(6)])
        self.gates = nn.ModuleList([nn.Linear(40, 40) for _ in range(6)])
        for gate in self.gates:
            nn.init.constant_(gate.bias, -2.0)
        self.head = nn.Linear(40, 10)

    def forward(self, x):
        x = torch.tanh(self.first(x.flatten(1)))
        for new, gate in zip(self.new, self.gates):
            g = torch.sigmoid(gate(x))
            x = g * torch.relu(new(x)) + (1 - g) * x
        return self.head(x)


class Maxout(nn.Module):
    """Each unit is the largest of three linear functions."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(784, 3 * 20), nn.Linear(20, 3 * 20)
        self.head = nn.Linear(20, 10)

    def forward(self, x):
        x = self.first(x.flatten(1)).view(-1, 20, 3).amax(2)
        x = F.dropout(x, 0.1, self.training)
        x = self.second(x).view(-1, 20, 3).amax(2)
        return self.head(x)


class MixerBlock(nn.Module):
    def __init__(self, tokens, width):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(tokens, 24), nn.GELU(),
                                    nn.Linear(24, tokens))
        self.channels = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(),
                                      nn.Linear(2 * width, width))

    def forward(self, x):
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Patches(nn.Module):
    """[B, C, H, W] to [B, tokens, width]"""

    def __init__(self, channels, size, width):
        super().__init__()
        self.cut = nn.Conv2d(channels, width, size, stride=size)

    def forward(self, x):
        return self.cut(x).flatten(2).transpose(1, 2)


class Mixer(nn.Module):
    """MLPs over tokens and over channels in turn, no attention."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Patches(1, 4, 40),
                                    *[MixerBlock(49, 40) for _ in range(3)],
                                    nn.LayerNorm(40))
        self.head = nn.Linear(40, 10)

    def forward(self, x):
        return self.head(self.blocks(x).mean(1))


class GatedMlpBlock(nn.Module):
    def __init__(self, tokens, width):
        super().__init__()
        self.norm, self.gate_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, 2 * width), nn.Linear(
            width, width)
        self.over_tokens = nn.Linear(tokens, tokens)
        nn.init.normal_(self.over_tokens.weight, std=1e-3)
        nn.init.ones_(self.over_tokens.bias)

    def forward(self, x):
        y, gate = F.gelu(self.widen(self.norm(x))).chunk(2, dim=-1)
        gate = self.over_tokens(self.gate_norm(gate).transpose(1, 2))
        return x + self.narrow(y * gate.transpose(1, 2))


class GatedMlp(nn.Module):
    """gMLP: a gate that mixes tokens takes the place of attention."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Patches(1, 4, 32),
                                    *[GatedMlpBlock(49, 32) for _ in range(4)],
                                    nn.LayerNorm(32))
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.blocks(x).mean(1))


class Siren(nn.Module):
    """Sine activations, with the initial weights of their paper."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(784, 48), nn.Linear(48, 48)
        self.head = nn.Linear(48, 10)
        nn.init.uniform_(self.first.weight, -1 / 784, 1 / 784)
        bound = (6 / 48) ** 0.5 / 30
        nn.init.uniform_(self.second.weight, -bound, bound)

    def forward(self, x):
        x = torch.sin(30 * self.first(x.flatten(1)))
        return self.head(torch.sin(30 * self.second(x)))


class MixtureOfExperts(nn.Module):
    """Four small networks, weighted by a fifth."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(784, 4)
        self.experts = nn.ModuleList([
            nn.Sequential(nn.Linear(784, 12), nn.ReLU(), nn.Linear(12, 10))
            for _ in range(4)])

    def forward(self, x):
        x = x.flatten(1)
        weights = self.gate(x).softmax(1)
        outputs = torch.stack([expert(x) for expert in self.experts], 2)
        return (outputs * weights[:, None]).sum(2)


class CausalBlock(nn.Module):
    def __init__(self, inputs, channels, dilation: int):
        super().__init__()
        self.padding = 2 * dilation
        self.conv1 = nn.Conv1d(inputs, channels, 3, dilation=dilation)
        self.conv2 = nn.Conv1d(channels, channels, 3, dilation=dilation)
        self.skip = nn.Conv1d(inputs, channels, 1)

    def forward(self, x):
        y = F.relu(self.conv1(F.pad(x, (self.padding, 0))))
        y = F.dropout(y, 0.1, self.training)
        y = F.relu(self.conv2(F.pad(y, (self.padding, 0))))
        return F.relu(y + self.skip(x))


class TemporalCnn(nn.Module):
    """Dilated causal convolutions over the rows of the image."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(CausalBlock(28, 24, 1),
                                    CausalBlock(24, 24, 2),
                                    CausalBlock(24, 24, 4),
                                    CausalBlock(24, 24, 8))
        self.head = nn.Linear(24, 10)

    def forward(self, x):
        return self.head(self.blocks(x.squeeze(1).transpose(1, 2))[:, :, -1])


class AttentivePooling(nn.Module):
    """A recurrent layer with a skip connection; attention weighs the rows."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(28, 32, batch_first=True)
        self.skip = nn.Linear(28, 32, bias=False)
        self.strength = nn.Parameter(torch.tensor(0.5))
        self.score = nn.Linear(32, 1)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        rows = x.squeeze(1)
        states = self.rnn(rows)[0] + self.strength * self.skip(rows)
        weights = self.score(torch.tanh(states)).softmax(1)
        return self.head((weights * states).sum(1))


# For coloured images [B, 3, 32, 32] and ten classes.


class TutorialLeNet(nn.Sequential):
    """The network of PyTorch's tutorial on CIFAR-10, narrower."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(400, 60), nn.ReLU(), nn.Linear(60, 42), nn.ReLU(),
            nn.Linear(42, 10))


class PreActivationBlock(nn.Module):
    def __init__(self, inputs, channels, stride: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, inputs), nn.GroupNorm(
            4, channels)
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.skip = nn.Conv2d(inputs, channels, 1, stride, bias=False)

    def forward(self, x):
        x = F.silu(self.norm1(x))
        return self.conv2(F.silu(self.norm2(self.conv1(x)))) + self.skip(x)


class PreActivation(nn.Sequential):
    """Residual blocks with norm and activation before their convolutions."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 12, 3, stride=2, padding=1),
            PreActivationBlock(12, 12, 1), PreActivationBlock(12, 24, 2),
            PreActivationBlock(24, 32, 2), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(32, 10))


class Bilinear(nn.Module):
    """Products of all pairs of channels, averaged over the image."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 24, 3, stride=2, padding=1), nn.ReLU())
        self.head = nn.Linear(24 * 24, 10)

    def forward(self, x):
        x = self.features(x).flatten(2)
        x = torch.bmm(x, x.transpose(1, 2)).flatten(1) / 64
        x = torch.sign(x) * torch.sqrt(torch.abs(x) + 1e-6)
        return self.head(F.normalize(x))


def squash(x):
    square = (x * x).sum(-1, keepdim=True)
    return x * (torch.sqrt(square + 1e-8) / (1 + square))


class Capsules(nn.Module):
    """Vectors that agree on classes; the lengths of ten vectors answer."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 5, stride=2), nn.ReLU(),
            nn.Conv2d(16, 32, 5, stride=3))
        self.votes = nn.Parameter(0.1 * torch.randn(4, 10, 8, 8))

    def forward(self, x):
        x = self.features(x)  # [B, 32, 4, 4]: 4 kinds of capsules of 8
        x = squash(x.view(x.shape[0], 4, 8, 16).transpose(2, 3))
        votes = torch.einsum("bkpi,kcij->bkpcj", x, self.votes).flatten(1, 2)
        agreement = torch.zeros_like(votes[..., 0])
        output = votes[:, 0]
        for _ in range(2):
            weights = agreement.softmax(2)
            output = squash((weights[..., None] * votes).sum(1))
            agreement = agreement + (votes * output[:, None]).sum(-1)
        return 10 * torch.sqrt((output * output).sum(-1) + 1e-8)


class Film(nn.Module):
    """A small view of the image sets scale and shift of the channels."""

    def __init__(self):
        super().__init__()
        self.view = nn.Sequential(nn.Linear(48, 24), nn.ReLU(),
                                  nn.Linear(24, 96))
        self.conv1 = nn.Conv2d(3, 24, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(24, 24, 3, stride=2, padding=1)
        self.head = nn.Linear(24, 10)

    def forward(self, x):
        settings = self.view(F.adaptive_avg_pool2d(x, 4).flatten(1))
        scale1, shift1, scale2, shift2 = settings[:, :, None, None].chunk(4, 1)
        x = F.relu((1 + scale1) * self.conv1(x) + shift1)
        x = F.relu((1 + scale2) * self.conv2(x) + shift2)
        return self.head(x.mean((2, 3)))


class ConvMixerBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.depthwise = nn.Sequential(
            nn.Conv2d(width, width, 5, padding=2, groups=width), nn.GELU(),
            nn.BatchNorm2d(width))
        self.pointwise = nn.Sequential(nn.Conv2d(width, width, 1), nn.GELU(),
                                       nn.BatchNorm2d(width))

    def forward(self, x):
        return self.pointwise(x + self.depthwise(x))


class ConvMixer(nn.Sequential):
    """Patches, then depthwise and pointwise convolutions of one size."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 40, 4, stride=4), nn.GELU(), nn.BatchNorm2d(40),
            *[ConvMixerBlock(40) for _ in range(4)],
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(40, 10))


class MobileBlock(nn.Module):
    def __init__(self, inputs, outputs, stride: int):
        super().__init__()
        wide = 3 * inputs
        self.widen = nn.Sequential(nn.Conv2d(inputs, wide, 1, bias=False),
                                   nn.BatchNorm2d(wide), nn.Hardswish())
        self.depthwise = nn.Sequential(
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide), nn.Hardswish())
        self.squeeze = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(wide, wide // 4, 1), nn.ReLU(),
            nn.Conv2d(wide // 4, wide, 1), nn.Hardsigmoid())
        self.narrow = nn.Sequential(nn.Conv2d(wide, outputs, 1, bias=False),
                                    nn.BatchNorm2d(outputs))
        self.same = inputs == outputs and stride == 1

    def forward(self, x):
        y = self.depthwise(self.widen(x))
        y = self.narrow(y * self.squeeze(y))
        return x + y if self.same else y


class MobileV3(nn.Sequential):
    """Depthwise blocks with squeeze and excitation and hard swish."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 12, 3, stride=2, padding=1), nn.Hardswish(),
            MobileBlock(12, 16, 2), MobileBlock(16, 16, 1),
            MobileBlock(16, 24, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(24, 10))


class ShuffleBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            nn.Conv2d(half, half, 1, bias=False), nn.BatchNorm2d(half),
            nn.ReLU(), nn.Conv2d(half, half, 3, padding=1, groups=half),
            nn.BatchNorm2d(half), nn.Conv2d(half, half, 1, bias=False),
            nn.BatchNorm2d(half), nn.ReLU())

    def forward(self, x):
        kept, changed = x.chunk(2, 1)
        return F.channel_shuffle(torch.cat([kept, self.branch(changed)], 1), 2)


class ShuffleNet(nn.Sequential):
    """Half of the channels pass by each block; then they are shuffled."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 32, 3, stride=2, padding=1), nn.ReLU(),
            ShuffleBlock(32), ShuffleBlock(32), nn.Conv2d(32, 64, 2, stride=2),
            ShuffleBlock(64), ShuffleBlock(64), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(64, 10))


class ConvNeXtBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(),
                                 nn.Linear(3 * width, width))
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + (self.scale * self.mlp(y)).permute(0, 3, 1, 2)


class ConvNeXt(nn.Sequential):
    """Wide depthwise convolutions, LayerNorm, and a small scale of layers."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 28, 4, stride=4), ConvNeXtBlock(28),
            ConvNeXtBlock(28), nn.Conv2d(28, 48, 2, stride=2),
            ConvNeXtBlock(48), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.LayerNorm(48), nn.Linear(48, 10))


class AttentionCnn(nn.Module):
    """Self-attention between the places of a convolutional network, and a
    learned query that pools them."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 24, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(24, 32, 3, stride=2, padding=1), nn.ReLU())
        self.qkv = nn.Linear(32, 96)
        self.query = nn.Parameter(torch.randn(32) / 32 ** 0.5)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        x = self.features(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(x).chunk(3, 2)
        x = x + F.scaled_dot_product_attention(q, k, v)
        weights = (x @ self.query).softmax(1)
        return self.head((weights[..., None] * x).sum(1))


# For counts of hashed words [B, 1, 32, 96] and two classes.


class DeepAveraging(nn.Sequential):
    """The mean of embeddings of the words, then two layers."""

    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(3072, 16, bias=False),
                         nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 2))


class GatedUnits(nn.Module):
    """Gated linear units in a narrow network."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3072, 16), nn.Linear(8, 32)
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        return self.head(F.glu(self.second(F.glu(self.first(x.flatten(1))))))


class FactorizationMachine(nn.Module):
    """A linear model and the products of all pairs of words, of low rank."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3072, 2)
        self.factors = nn.Parameter(0.1 * torch.randn(3072, 12))
        self.head = nn.Linear(12, 2)

    def forward(self, x):
        x = x.flatten(1)
        pairs = (x @ self.factors) ** 2 - (x * x) @ (self.factors ** 2)
        return self.linear(x) + self.head(pairs)


class WideAndDeep(nn.Module):
    """A linear model beside a deep one on groups of words."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Linear(3072, 2)
        self.deep = nn.Sequential(
            nn.Linear(96, 24), nn.ReLU(), nn.Flatten(), nn.Linear(768, 32),
            nn.ReLU(), nn.Linear(32, 2))

    def forward(self, x):
        return self.wide(x.flatten(1)) + self.deep(x.squeeze(1))


class TextCnn(nn.Module):
    """Convolutions of three widths, the largest value of each."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv1d(96, 20, k) for k in (3, 4, 5)])
        self.head = nn.Linear(60, 2)

    def forward(self, x):
        x = x.squeeze(1).transpose(1, 2)
        found = []
        for conv in self.convs:
            found.append(F.relu(conv(x)).amax(2))
        return self.head(F.dropout(torch.cat(found, 1), 0.3, self.training))


# For the first 256 words of a text as tokens [B, 256], of which there are 5,000,
# and two classes. Token 0 fills what is shorter.


class MeanOfEmbeddings(nn.Module):
    """The mean of the words' vectors, and a linear layer."""

    def __init__(self):
        super().__init__()
        self.words = nn.EmbeddingBag(5000, 8, mode="mean", padding_idx=0)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.words(x))


class AttentiveRecurrence(nn.Module):
    """A bidirectional LSTM whose states are weighted by attention."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(5000, 8)
        self.cell = nn.LSTM(8, 16, batch_first=True, bidirectional=True)
        self.score, self.head = nn.Linear(32, 1), nn.Linear(32, 2)

    def forward(self, x):
        states, _ = self.cell(self.words(x))
        weights = torch.softmax(self.score(torch.tanh(states)), 1)
        return self.head((weights * states).sum(1))


class GatedConvolutions(nn.Module):
    """Convolutions with gates beside the words, one upon another."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(5000, 8)
        self.grow = nn.Conv1d(8, 32, 1)
        self.convs = nn.ModuleList(
            [nn.Conv1d(32, 64, 5, padding=2) for _ in range(2)])
        self.head = nn.Linear(32, 2)

    def forward(self, x):
        y = self.grow(self.words(x).transpose(1, 2))
        for conv in self.convs:
            y = y + F.glu(conv(y), 1)
        return self.head(y.mean(2))


class WordCnn(nn.Module):
    """Convolutions of three widths over the words, the largest value of
    each."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(5000, 8)
        self.convs = nn.ModuleList([nn.Conv1d(8, 20, k) for k in (3, 4, 5)])
        self.drop, self.head = nn.Dropout(0.5), nn.Linear(60, 2)

    def forward(self, x):
        words = self.words(x).transpose(1, 2)
        found = []
        for conv in self.convs:
            found.append(F.relu(conv(words)).amax(2))
        return self.head(self.drop(torch.cat(found, 1)))


class EncoderWithMask(nn.Module):
    """Attention that leaves out what fills a text, and a token that answers.
    Tokens above 1,000 share a vector."""

    def __init__(self):
        super().__init__()
        self.words, self.positions = nn.Embedding(1001, 16), nn.Parameter(
            0.02 * torch.randn(257, 16))
        self.answer = nn.Parameter(torch.zeros(1, 1, 16))
        self.queries, self.keys, self.values = (
            nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 16))
        self.inner, self.outer = nn.Linear(16, 64), nn.Linear(64, 16)
        self.first, self.second = nn.LayerNorm(16), nn.LayerNorm(16)
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        words = self.words(torch.where(x > 1000, torch.ones_like(x), x))
        y = torch.cat([self.answer.expand(x.size(0), 1, 16), words], 1)
        y = y + self.positions
        filled = F.pad(x != 0, (1, 0), value=1.0).to(torch.bool)
        scores = self.queries(y) @ self.keys(y).transpose(1, 2) / 4
        scores = scores.masked_fill(~filled[:, None], -1e9)
        y = self.first(y + torch.softmax(scores, 2) @ self.values(y))
        y = self.second(y + self.outer(F.gelu(self.inner(y))))
        return self.head(y[:, 0])


NETWORKS = {
    "grey": ((1, 28, 28), 10, [
        TutorialCnn, LocalResponseCnn, SqueezeExcitation, Inception, DenseNet,
        UNet, Highway, Maxout, Mixer, GatedMlp, Siren, MixtureOfExperts,
        TemporalCnn, AttentivePooling]),
    "colour": ((3, 32, 32), 10, [
        TutorialLeNet, PreActivation, Bilinear, Capsules, Film, ConvMixer,
        MobileV3, ShuffleNet, ConvNeXt, AttentionCnn]),
    "text": ((1, 32, 96), 2, [
        DeepAveraging, GatedUnits, FactorizationMachine, WideAndDeep,
        TextCnn]),
    "tokens": ((256,), 2, [
        MeanOfEmbeddings, AttentiveRecurrence, GatedConvolutions, WordCnn,
        EncoderWithMask]),
}
TOKENS = 5000


def file_name(kind):
    """TutorialCnn: tutorial_cnn"""
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign
                   for sign in kind.__name__).lstrip("_")


def some_inputs(group, shape):
    if group == "tokens":
        return torch.randint(TOKENS, (5, *shape))
    return torch.randn(5, *shape)


def main(folder, groups):
    folder.mkdir(parents=True, exist_ok=True)
    for group in groups:
        shape, outputs, kinds = NETWORKS[group]
        for number, kind in enumerate(kinds):
            torch.manual_seed(1000 + number)
            network = torch.jit.script(kind())
            answer = network(some_inputs(group, shape))
            assert answer.shape == (5, outputs), (kind, answer.shape)
            network.eval()
            batch = some_inputs(group, shape)
            alone = torch.cat([network(row[None]) for row in batch])
            assert torch.allclose(network(batch), alone, atol=1e-4), kind
            network.train()
            path = folder / f"{group}_{file_name(kind)}.pt"
            torch.jit.save(network, str(path))
            count = sum(p.numel() for p in network.parameters())
            print(f"{path.name:34} {count:6} parameters "
                  f"{path.stat().st_size:7} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--group", action="append", choices=list(NETWORKS),
                        help="only this one; may be repeated")
    options = parser.parse_args()
    main(options.folder, options.group or list(NETWORKS))
