"""Makes TorchScript files of networks that no sampler of the farm draws
(wirings.py), each for one data set, and a configuration for each data set:

    FOLDER/WIRING--DATASET.pt
    FOLDER/DATASET.yaml

The same weights come out whenever the same versions of PyTorch and Python make them,
but not the same bytes, and a row belongs to the bytes of its network's file. So what
is there already is left alone.
"""

import argparse
import dataclasses
import math
import pathlib
import random
import re
import sys

import numpy
import torch

import wirings

# Grey and coloured pictures that come with their own reader.
KNOWN = {"mnist": ((1, 28, 28), 10), "fashion_mnist": ((1, 28, 28), 10),
         "cifar10": ((3, 32, 32), 10)}
# As vectors. With more of them the first layer would be nearly all of a network.
MOST_NUMBERS = 1200
NETWORKS_OF_A_WIRING = 16

CONFIGURATION = """\
# Networks of PyTorch's modules on {name}: scripts/make_networks.py made this file.
name: diverse_networks_{name}
seed: 42

grid:
  models:
    - family: torchscript
      architectures:
{files}
  datasets:
    - {entry}
  learning_rate: {{log_uniform: [2.5e-4, 8e-3]}}
  batch_size: {{choice: [16, 24, 32, 48, 64, 96, 128]}}
  epsilon: [0.1, 0.15, 0.2, 0.3, 0.5]
  trials: {trials}
"""


@dataclasses.dataclass(eq=False)
class DataSet:
    """What a network has to know of the data."""

    name: str
    entry: str  # of grid.datasets
    shape: tuple[int, ...]
    outputs: int  # numbers of an answer
    vocabulary: int = 0  # of tokens
    each_step: bool = False  # whether each step has an answer

    def wirings(self):
        if self.vocabulary or self.each_step:
            return wirings.STEPS
        kinds = {}
        if len(self.shape) == 2:
            kinds |= wirings.STEPS
        if len(self.shape) == 3 and min(self.shape[1:]) >= 12:
            kinds |= wirings.IMAGES
        if math.prod(self.shape) <= MOST_NUMBERS:
            kinds |= wirings.VECTORS
        return kinds

    def samples(self, count):
        if self.vocabulary:
            return torch.randint(self.vocabulary, (count, *self.shape))
        return torch.randn(count, *self.shape)


def from_corpus(folder):
    for line in (folder / "datasets.yaml").read_text().splitlines():
        if not line.startswith("- {") or not line.endswith("}"):
            continue  # a comment, or an entry "for judging only"
        line = line[2:].replace(": ./", f": {folder.resolve()}/")
        entry = dict(item.split(": ") for item in line[1:-1].split(", "))
        x = numpy.load(entry["x"], mmap_mode="r")
        tokens = entry.get("input") == "tokens"
        yield DataSet(
            entry["name"], line, x.shape[1:],
            1 if entry["task"] == "regression" else int(entry["classes"]),
            int(x.max()) + 1 if tokens else 0, entry["task"] == "sequence")


def datasets(corpus):
    for name, (shape, outputs) in KNOWN.items():
        yield DataSet(name, name, shape, outputs)
    yield from from_corpus(corpus)


def snake_case(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def choices(sets):
    """For each wiring data sets of different sorts: {data set: [wirings]}."""
    chosen = {d: [] for d in sets}
    for kind in wirings.VECTORS | wirings.IMAGES | wirings.STEPS:
        possible = [d for d in sets if kind in d.wirings()]
        random.Random(kind).shuffle(possible)
        # Those that have the fewest networks so far.
        possible.sort(key=lambda d: len(chosen[d]))
        for dataset in possible[:NETWORKS_OF_A_WIRING]:
            chosen[dataset].append(kind)
    return {d: kinds for d, kinds in chosen.items() if kinds}


def make(kind, dataset, path):
    seed = random.Random(f"{kind} {dataset.name}")
    torch.manual_seed(seed.getrandbits(31))
    sizes = wirings.Sizes(tuple(dataset.shape), dataset.outputs, dataset.vocabulary,
                          dataset.each_step, seed)
    network = torch.jit.script(dataset.wirings()[kind](sizes))
    check(network, dataset, path)
    partial = path.with_suffix(".partial")
    torch.jit.save(network, str(partial))
    partial.rename(path)


def check(network, dataset, path):
    """Answers have the right shape, and do not depend on other samples."""
    steps = dataset.shape[:1] if dataset.each_step else ()
    batch = dataset.samples(5)
    network.eval()
    together = network(batch)
    if together.shape != (5, *steps, dataset.outputs):
        sys.exit(f"{path.name} answers {tuple(together.shape)}")
    alone = torch.cat([network(sample[None]) for sample in batch])
    if not torch.allclose(together, alone, atol=1e-3):
        sys.exit(f"{path.name}: an answer depends on other samples")
    network.train()


def main(folder, corpus, trials):
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for dataset, kinds in choices(list(datasets(corpus))).items():
        names = [f"{snake_case(kind)}--{dataset.name}.pt" for kind in kinds]
        for kind, name in zip(kinds, names):
            if not (folder / name).exists():
                make(kind, dataset, folder / name)
        count += len(names)
        files = "\n".join(f"        - {{file: {name}}}" for name in names)
        (folder / f"{dataset.name}.yaml").write_text(CONFIGURATION.format(
            name=dataset.name, files=files, entry=dataset.entry, trials=trials))
    print(f"{count} networks in {folder}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--corpus", type=pathlib.Path, default="runs/corpus",
                        help="what scripts/make_corpus.sh built (%(default)s)")
    parser.add_argument("--trials", type=int, default=4,
                        help="of each network (%(default)s)")
    options = parser.parse_args()
    main(options.folder, options.corpus, options.trials)
