"""Whole trainings: what their samples show, and what is predicted."""

import json
import math
import pathlib
import subprocess
import tempfile
import unittest

import support

if support.has("torch"):
    import networks
    import numpy
    import torch

    import cape
    from cape import programs
    from cape.batch import Batch
    from cape.sets import kernel_regression, samples_needed


def made_up(samples, seed=0):
    """Three classes, around centres that overlap."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 3, (samples,), generator=generator)
    centres = torch.randn(3, 10, generator=torch.Generator().manual_seed(1))
    return centres[y] + torch.randn(samples, 10, generator=generator), y


@support.needs_torch
class KernelRegression(unittest.TestCase):
    def test_is_where_a_gradient_flow_goes(self):
        x, y = made_up(40)
        columns = kernel_regression(x, y, "classification")
        targets = torch.nn.functional.one_hot(y).double()
        expected = {"training": [], "held_out": []}
        for learnt, other in ((slice(0, 20), slice(20, 40)),
                              (slice(20, 40), slice(0, 20))):
            a, b = x[learnt].double(), x[other].double()
            width = torch.cdist(a, a).square().flatten().sort().values[199]
            kernel = torch.exp(-torch.cdist(a, a).square() / width)
            across = torch.exp(-torch.cdist(b, a).square() / width)
            mean = targets[learnt].mean(0)
            wanted, outside = targets[learnt] - mean, targets[other] - mean
            f, g = torch.zeros_like(wanted), torch.zeros_like(outside)
            # Small steps of the flow itself, until e^2.
            end = math.e ** 2 / torch.linalg.eigvalsh(kernel).max()
            count = 40000
            for _ in range(count):
                error = wanted - f
                f = f + end / count * kernel @ error
                g = g + end / count * across @ error
            expected["training"].append(((wanted - f).square().mean() /
                                         wanted.square().mean()).item())
            expected["held_out"].append(((outside - g).square().mean() /
                                         outside.square().mean()).item())
        for which, (one, two) in expected.items():
            self.assertAlmostEqual(columns[f"set_kernel_{which}_2"],
                                   (one + two) / 2, places=3)

    def test_is_missing_where_nothing_can_be_learnt(self):
        x, y = made_up(40)
        for inputs, labels in [(x[:14], y[:14]), (x * 0, y), (x, y * 0),
                               (x.clone().fill_(math.inf), y)]:
            columns = kernel_regression(inputs, labels, "classification")
            self.assertEqual(len(columns), 10)
            self.assertTrue(all(math.isnan(value)
                                for value in columns.values()))


@support.needs_torch
class WholeTrainings(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(4)
        self.net = torch.nn.Sequential(torch.nn.Linear(10, 32),
                                       torch.nn.ReLU(),
                                       torch.nn.Linear(32, 3))
        self.x, self.y = made_up(1000)

    def probe(self, **options):
        return cape.probe(self.net, self.x, self.y, **{
            "learning_rate": 1e-3, "samples": 3000, "batch_size": 32} | options)

    def test_a_batch_is_probed_and_all_samples_describe_the_data(self):
        probe = self.probe()
        batch = cape.probe(self.net, self.x[:32], self.y[:32],
                           learning_rate=1e-3)
        for key in ("log_g2", "train_step_loss_4", "effective_rank"):
            self.assertEqual(probe[key], batch[key])
        self.assertEqual(probe["validation_samples"], 300)
        self.assertAlmostEqual(
            probe["initial_loss"], torch.nn.functional.cross_entropy(
                self.net(self.x), self.y).item(), places=5)
        self.assertGreater(probe["evaluation_seconds"], 0)
        self.assertGreater(probe["set_rank_400"], probe["effective_rank"] / 2)
        self.assertEqual(samples_needed(500), 500)

    def test_classes_after_the_batch_are_looked_at_too(self):
        self.y[500] = 3
        with self.assertRaisesRegex(cape.CapeError, "class 3, but the module"):
            cape.probe(self.net, self.x, self.y, learning_rate=1e-3,
                       samples=1000, batch_size=32)

    def test_shared_tensors_are_not_taken_for_samples(self):
        shared = torch.randn(32, 2)
        part = Batch((self.x, shared), self.y).part(slice(0, 32))
        self.assertEqual(len(part.tensors), 1)
        self.assertTrue(torch.equal(part.arguments(part.tensors)[0][1],
                                    shared))

    @support.needs_program("cape_predict")
    def test_epochs_until_a_loss_and_early_stopping(self):
        rows = cape.predict(self.net, self.x, self.y, samples=3000,
                            batch_size=32, learning_rate=1e-3,
                            epsilon=[0.5, 0.8], patience=[3, 10], frame=False)
        self.assertEqual([row["until"] for row in rows],
                         ["loss 0.5", "loss 0.8", "patience 3", "patience 10"])
        for row in rows:
            self.assertAlmostEqual(row["t_star"] / row["epochs"], 3000 // 32)
            self.assertLessEqual(row["epochs_lower"], row["epochs"])
            self.assertGreater(row["seconds"], row["t_star"] *
                               row["step_seconds"] * 0.999)
        self.assertGreater(rows[3]["epochs"], rows[2]["epochs"])
        row, = cape.predict(self.probe(), epsilon=None, patience=5,
                            frame=False)
        self.assertEqual(row["until"], "patience 5")

    def test_what_does_not_go_together_is_refused(self):
        for options, says in [({"batch_size": None}, "batch_size must be"),
                              ({"batch_size": 2000}, "batch_size must be"),
                              ({"steps": 8}, "not for a whole training"),
                              ({"samples": None}, "there are 1000 targets")]:
            with self.assertRaisesRegex(cape.CapeError, says):
                self.probe(**options)
        with self.assertRaisesRegex(cape.CapeError, "at least 800 of the 3000"):
            cape.probe(self.net, self.x[:700], self.y[:700], samples=3000,
                       batch_size=32, learning_rate=1e-3)
        with self.assertRaisesRegex(cape.CapeError, "patience is for whole"):
            cape.predict({"log_p": 1}, patience=3)
        with self.assertRaisesRegex(cape.CapeError, "epsilon, patience or both"):
            cape.predict(self.probe(), epsilon=None)

    @support.needs_program("cape_predict")
    @support.needs_program("cape_trainer")
    def test_the_descriptors_are_those_of_the_program_but_for_the_draw(self):
        # The program draws which of the samples are for validation, and their
        # order; descriptors of 800 samples differ little between draws.
        x, y = made_up(1100)
        x = (x - x.mean(0)) / x.std(0, unbiased=False)
        net = networks.Mlp(10, 3)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            torch.jit.save(torch.jit.script(net), str(folder / "net.pt"))
            numpy.save(folder / "x.npy", x.numpy())
            numpy.save(folder / "y.npy", y.numpy())
            (folder / "own.yaml").write_text("""\
name: own
grid:
  models: [{family: torchscript, architectures: [{file: net.pt}]}]
  datasets: [{name: own, x: x.npy, y: y.npy, task: classification, classes: 3}]
  learning_rate: [1e-3]
  batch_size: [32]
  epsilon: [0.5]
  samples: [900]
train: {target: full_training, patience: [5]}
""")
            done = subprocess.run([support.find_program("cape_predict"),
                                   folder / "own.yaml", "--json"],
                                  capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        predictions = json.loads(done.stdout)["predictions"]
        # Handed back, its own probes have the same answers.
        self.assertEqual([one["criterion"] for one in predictions],
                         ["epsilon", "early_stopping"])
        derived = ("t_star", "interval", "convergence", "model", "features",
                   "contributions", "seconds", "extrapolated", "unseen",
                   "probe", "best_epoch_interval", "epochs_interval")
        handed = [one["probe"] | {key: value for key, value in one.items()
                                  if key not in derived}
                  for one in predictions]
        self.assertEqual(programs.predict_probed(handed)["predictions"],
                         predictions)
        expected = predictions[0]["probe"]
        probe = cape.probe(net, x[:1000], y[:1000], learning_rate=1e-3,
                           samples=900, batch_size=32)
        names = [name for name in expected if name.startswith("set_")]
        self.assertEqual(len(names), 13)
        for name in names:
            near = {"set_agreement_100": 0.5, "set_agreement_400": 0.25}
            self.assertLess(abs(math.log(probe[name] / expected[name])),
                            near.get(name, 0.2), name)


if __name__ == "__main__":
    unittest.main()
