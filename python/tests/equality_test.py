"""The package measures what cape_predict measures: on the same network, weights
and batch.

Most columns are compared to 1e-5, the bound of both programs being 1e-4. Sums
in float32 are taken in another order: of all samples at once instead of one
after the other, and of a batch in another order, since the program shuffles it.
"""

import json
import math
import pathlib
import subprocess
import tempfile
import unittest
import warnings

import support

if support.has("torch"):
    import networks
    import numpy
    import torch

    import cape

TOLERANCE = 1e-5

# Of a row, beside the probe itself.
FACTS = ("log_p", "classes", "input_size", "task", "learning_rate",
         "batch_size", "optimizer", "weight_decay", "max_steps")


def predicted(folder, net, x, y, case, optimizer):
    """What cape_predict says of the network in a TorchScript file, on data of
    exactly one batch."""
    _, _, task, _, outputs = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        torch.jit.save(torch.jit.script(net), str(folder / "net.pt"))
    numpy.save(folder / "x.npy", x.numpy())
    numpy.save(folder / "y.npy", y.numpy().astype("uint8")
               if task == "multilabel" else y.numpy())
    classes = "" if task == "regression" else f", classes: {outputs}"
    form = "mean: 0, std: 1"
    if not x.is_floating_point():
        form = f"input: tokens, vocabulary: {net.vocabulary}"
    (folder / "own.yaml").write_text(f"""\
name: own
grid:
  models: [{{family: torchscript, architectures: [{{file: net.pt}}]}}]
  datasets:
    - {{name: own, x: x.npy, y: y.npy, task: {task}{classes}, {form}}}
  optimizer: [{optimizer}]
  learning_rate: [3e-3]
  batch_size: [{len(x)}]
  epsilon: [0.2]
""")
    done = subprocess.run([support.find_program("cape_predict"),
                           folder / "own.yaml", "--json"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    one, = json.loads(done.stdout)["predictions"]
    return one


def difference(a, b):
    """Relative; that of what is missing in both is 0."""
    if b is None or math.isnan(b):
        return 0 if math.isnan(a) else math.inf
    return 0 if a == b else abs(a - b) / max(abs(a), abs(b))


@support.needs_torch
@support.needs_program("cape_predict")
@support.needs_program("cape_trainer")
class Equality(unittest.TestCase):
    def compare(self, case, optimizer):
        name, net, task, shape, outputs = case
        x, y = networks.batch(task, shape, outputs,
                              vocabulary=getattr(net, "vocabulary", 0))
        with tempfile.TemporaryDirectory() as folder:
            expected = predicted(pathlib.Path(folder), net, x, y, case,
                                 optimizer)
        probe = cape.probe(net, x, y, learning_rate=3e-3, optimizer=optimizer)
        for fact in FACTS:
            if isinstance(expected[fact], str):
                self.assertEqual(probe[fact], expected[fact])
            else:
                self.assertAlmostEqual(probe[fact], expected[fact], places=12)
        measured = {key: value for key, value in expected["probe"].items()
                    if not key.startswith("set_")}
        self.assertEqual(len(measured), 24)
        worst = (0, "")
        for key, value in measured.items():
            off = difference(probe[key], value)
            worst = max(worst, (off, key))
            self.assertLess(off, TOLERANCE,
                            f"{name}, {optimizer}: {key} is {probe[key]}, of "
                            f"the program {value}")
        print(f"{name}, {optimizer}: off by {worst[0]:.1e} ({worst[1]})")
        # Dropout draws other masks, which L_0 of the training shows.
        if "mlp" in name or "cnn" in name:
            return
        row, = cape.predict(probe, epsilon=0.2, frame=False)
        self.assertLess(difference(row["t_star"], expected["t_star"]), 0.05)

    def test_every_network_and_task_with_adamw(self):
        for case in networks.cases():
            with self.subTest(case[0]):
                self.compare(case, "adamw")

    def test_every_pass_begins_with_the_first_state(self):
        case = ("growing", networks.Growing(7, 5), "classification", (7,), 5)
        for optimizer in ("adamw", "sgd"):
            self.compare(case, optimizer)

    def test_sgd_takes_steps_along_the_gradient(self):
        cases = networks.cases()
        for case in (cases[0], cases[3], cases[6], cases[1]):
            with self.subTest(case[0]):
                self.compare(case, "sgd")


if __name__ == "__main__":
    unittest.main()
