"""Makes TorchScript files of networks that the farm does not draw itself
(wirings.py), each for one data set, and a configuration for each data set:

    FOLDER/cape_WIRING--DATASET.pt
    FOLDER/diverse_networks_DATASET.yaml

The same versions of PyTorch and Python give the same weights, but not the same bytes,
and a row belongs to the bytes of its network's file. So files that are there already
are left alone.
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
from corpus import table

# A network for vectors is given no more numbers than that: the first layer would be
# nearly all of it.
MOST_NUMBERS = 1200
NETWORKS_OF_A_WIRING = 40

CONFIGURATION = """\
# Networks in files on {name}: scripts/make_diverse_networks.py made this file.
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


def datasets(corpus, rows):
    """Those that predictors may be fitted on, as far as they are built."""
    for row in rows:
        name = row["name"]
        if row["role"] == "held_out" or table.is_refused(name):
            continue
        x = corpus / f"{name}-x.npy"
        if row["role"] == "corpus" and not x.exists():
            print(f"no networks for {name}, which is not in {corpus}")
            continue
        tokens = row["kind"] == "tokens"
        yield DataSet(
            name, table.entry(row, corpus.resolve()),
            tuple(int(size) for size in row["shape"].split("x")),
            1 if row["task"] == "regression" else int(row["classes"]),
            int(numpy.load(x, mmap_mode="r").max()) + 1 if tokens else 0,
            row["task"] == "sequence")


def snake_case(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def wirings_of_each(sets):
    """{data set: [names of wirings]}: each wiring for up to NETWORKS_OF_A_WIRING data
    sets, first for those that have the fewest."""
    chosen = {dataset: [] for dataset in sets}
    for kind in wirings.VECTORS | wirings.IMAGES | wirings.STEPS:
        possible = [dataset for dataset in sets if kind in dataset.wirings()]
        random.Random(kind).shuffle(possible)
        possible.sort(key=lambda dataset: len(chosen[dataset]))
        for dataset in possible[:NETWORKS_OF_A_WIRING]:
            chosen[dataset].append(kind)
    return {dataset: kinds for dataset, kinds in chosen.items() if kinds}


def make(kind, dataset, path):
    draw = random.Random(f"{kind} {dataset.name}")
    torch.manual_seed(draw.getrandbits(31))
    problem = wirings.Problem(dataset.shape, dataset.outputs, dataset.vocabulary,
                              dataset.each_step, draw)
    network = torch.jit.script(dataset.wirings()[kind](problem))
    with torch.jit.optimized_execution(False):  # it is not called often enough
        check(network, dataset, path)
    partial = path.with_suffix(".partial")
    torch.jit.save(network, str(partial))
    partial.rename(path)


def check(network, dataset, path):
    """That answers are finite, have the right shape and do not depend on other
    samples, and that every parameter that is trained has a finite gradient."""
    def refuse(what):
        sys.exit(f"{path.name}: {what}; mend its wiring in scripts/wirings.py")

    steps = dataset.shape[:1] if dataset.each_step else ()
    batch = dataset.samples(5)
    network(batch).square().mean().backward()
    for name, parameter in network.named_parameters():
        if parameter.grad is None or not parameter.grad.isfinite().all():
            refuse(f"the gradient of {name} is {parameter.grad}")
    network.zero_grad()
    network.eval()
    together = network(batch)
    if together.shape != (5, *steps, dataset.outputs):
        refuse(f"five answers have the shape {tuple(together.shape)}")
    if not together.isfinite().all():
        refuse("an answer is not finite")
    alone = torch.cat([network(sample[None]) for sample in batch])
    if not torch.allclose(together, alone, atol=1e-3):
        refuse("an answer depends on the other samples")
    network.train()


def main(folder, corpus, trials, rows):
    if not (corpus / "datasets.yaml").exists():
        sys.exit(f"there is no corpus in {corpus.resolve()}; build it: "
                 "scripts/make_corpus.sh")
    if folder.exists() and not folder.is_dir():
        sys.exit(f"{folder.resolve()} is a file; name a folder for the networks")
    if trials < 1:
        sys.exit(f"--trials {trials}: each network needs at least one")
    torch.set_num_threads(1)  # these networks are small
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    configurations = {}
    for dataset, kinds in wirings_of_each(list(datasets(corpus, rows))).items():
        names = [f"cape_{snake_case(kind)}--{dataset.name}.pt" for kind in kinds]
        for kind, name in zip(kinds, names):
            if not (folder / name).exists():
                make(kind, dataset, folder / name)
        count += len(names)
        files = "\n".join(f"        - {{file: {name}}}" for name in names)
        configurations[folder / f"diverse_networks_{dataset.name}.yaml"] = (
            CONFIGURATION.format(name=dataset.name, files=files, entry=dataset.entry,
                                 trials=trials))
    for path, text in configurations.items():
        path.write_text(text)
    # Of data that are not there any more, or that predictors are now judged by.
    for path in folder.glob("diverse_networks_*.yaml"):
        if path not in configurations:
            path.unlink()
    print(f"{count} networks in {folder}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--corpus", type=pathlib.Path,
                        default=pathlib.Path("runs/corpus"),
                        help="what scripts/make_corpus.sh built (%(default)s)")
    parser.add_argument("--trials", type=int, default=4,
                        help="of each network (%(default)s)")
    options = parser.parse_args()
    main(options.folder, options.corpus, options.trials, table.read())
