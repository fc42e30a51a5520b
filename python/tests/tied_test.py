"""Networks that the farm trains from a TorchScript file, against the same
trainings by PyTorch's own optimizer."""

import math
import pathlib
import subprocess
import tempfile
import unittest
import warnings

import support

if support.has("torch"):
    import numpy
    import torch
    from torch import nn

    import cape

    class Tied(nn.Module):
        """Two layers with one weight. That of the words is the output's too, as
        in language models."""

        def __init__(self, words=40, width=16, classes=4):
            super().__init__()
            self.words = nn.Embedding(words, width)
            self.first, self.second = nn.Linear(width, width), \
                nn.Linear(width, width)
            self.second.weight = self.first.weight
            self.head = nn.Linear(words, classes)

        def forward(self, tokens):
            x = self.words(tokens).mean(1)
            x = x + torch.tanh(self.first(x))
            x = x + torch.tanh(self.second(x))
            return self.head(x @ self.words.weight.T)

TRIALS, B, EPSILON, RATE = 20, 32, 0.3, 3e-3


def steps_to(net, x, y, updates):
    """T* of one batch; each step makes so many updates."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-4)
    first = None
    for step in range(2000):
        loss = nn.functional.cross_entropy(net(x), y)
        first = loss.item() if first is None else first
        if loss.item() <= EPSILON * first:
            return step
        optimizer.zero_grad()
        loss.backward()
        for _ in range(updates):
            optimizer.step()
    raise AssertionError("the training did not converge")


def p_value(a, b, permutations=2000):
    """Of a permutation test that the means of the logarithms are equal."""
    values = numpy.log(numpy.concatenate([a, b]))
    random = numpy.random.default_rng(1)

    def distance(order):
        return abs(values[order[:len(a)]].mean() -
                   values[order[len(a):]].mean())

    observed = distance(numpy.arange(len(values)))
    further = sum(distance(random.permutation(len(values))) >= observed
                  for _ in range(permutations))
    return (further + 1) / (permutations + 1)


@support.needs_torch
@support.needs_program("cape_farm")
@support.needs_program("cape_trainer")
class TiedWeights(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        torch.manual_seed(5)
        self.net = Tied()
        self.x = torch.randint(40, (800, 10))
        self.y = self.x.sum(1) % 4

    def farmed(self):
        """T* of the trials that the farm measures."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchScript is deprecated
            torch.jit.save(torch.jit.script(self.net),
                           str(self.folder / "net.pt"))
        numpy.save(self.folder / "x.npy", self.x.numpy())
        numpy.save(self.folder / "y.npy", self.y.numpy())
        (self.folder / "tied.yaml").write_text(f"""\
name: tied
grid:
  models: [{{family: torchscript, architectures: [{{file: net.pt}}]}}]
  datasets:
    - {{name: own, x: x.npy, y: y.npy, input: tokens, vocabulary: 40}}
  learning_rate: [{RATE}]
  batch_size: [{B}]
  epsilon: [{EPSILON}]
  trials: {TRIALS}
""")
        done = subprocess.run(
            [support.find_program("cape_farm"), self.folder / "tied.yaml",
             "--out", self.folder / "run", "--progress", "none"],
            capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("are one tensor", done.stderr)
        rows = cape.read(self.folder / "run")
        parameters = sum(p.numel() for p in self.net.parameters())
        self.assertLess(abs(rows["log_p"] - math.log(parameters)).max(), 1e-5)
        return rows["t_star"].to_numpy()

    def trained(self, updates):
        """T* of as many trainings by PyTorch, on batches of their own."""
        start = {name: value.clone()
                 for name, value in self.net.state_dict().items()}
        found = []
        for _ in range(TRIALS):
            self.net.load_state_dict(start)
            batch = torch.randperm(len(self.x))[:B]
            found.append(steps_to(self.net, self.x[batch], self.y[batch],
                                  updates))
        self.net.load_state_dict(start)
        return numpy.array(found)

    def test_steps_are_those_of_pytorch(self):
        farmed, trained = self.farmed(), self.trained(updates=1)
        p = p_value(farmed, trained)
        print(f"farm {farmed.mean():.1f} steps, PyTorch {trained.mean():.1f}, "
              f"p = {p:.2f}")
        self.assertGreater(p, 0.01)
        # A tensor that is updated once for each of its names is noticed.
        self.assertLess(p_value(farmed, self.trained(updates=2)), 0.01)


if __name__ == "__main__":
    unittest.main()
