"""A language model, predicted from Python, and the same one measured by the
farm through tokens."""

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

CONFIGURATION = """\
name: language
grid:
  models: [{family: torchscript, architectures: [{file: net.pt}]}]
  datasets:
    - {name: letters, x: x.npy, y: y.npy, input: tokens, vocabulary: 12,
       task: sequence, classes: 12}
  learning_rate: [0.01]
  batch_size: [48]
  epsilon: [0.3, 0.5]
  trials: 1
"""


@support.needs_torch
@support.needs_pandas
@support.needs_program("cape_farm")
@support.needs_program("cape_trainer")
@support.needs_program("cape_predict")
class LanguageModel(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(6)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.net = networks.Language(12)
        # The next letter follows from the two before it.
        letters = torch.randint(0, 12, (48, 11))
        for i in range(2, 11):
            letters[:, i] = (letters[:, i - 1] + letters[:, i - 2]) % 12
        self.inputs, self.targets = letters[:, :-1], letters[:, 1:]

    def steps_to(self, epsilons):
        """By PyTorch alone."""
        optimizer = torch.optim.AdamW(self.net.parameters(), 0.01,
                                      weight_decay=1e-4)
        losses = []
        while not losses or losses[-1] > min(epsilons) * losses[0]:
            loss = torch.nn.functional.cross_entropy(
                self.net(self.inputs).flatten(0, 1), self.targets.flatten())
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return [next(t for t, loss in enumerate(losses)
                     if loss <= epsilon * losses[0]) for epsilon in epsilons]

    def farm(self):
        torch.jit.save(torch.jit.script(self.net), str(self.folder / "net.pt"))
        # As many samples as the batch has, so that it is the same batch.
        numpy.save(self.folder / "x.npy", self.inputs.numpy())
        numpy.save(self.folder / "y.npy", self.targets.numpy())
        (self.folder / "language.yaml").write_text(CONFIGURATION)
        done = subprocess.run(
            [support.find_program("cape_farm"), "language.yaml", "--out",
             "rows", "--progress", "none"], cwd=self.folder,
            capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return cape.read(self.folder / "rows")

    def test_what_is_predicted_is_what_the_farm_measures(self):
        rows = self.farm()
        options = {"learning_rate": 0.01, "epsilon": list(rows.epsilon)}
        plain = cape.predict(self.net, self.inputs, self.targets, **options)
        probe = cape.probe(self.net, self.inputs, self.targets,
                           learning_rate=0.01)
        true = self.steps_to(list(rows.epsilon))
        for i, row in rows.iterrows():
            self.assertLessEqual(abs(row.t_star - true[i]), 1)
            self.assertEqual(row.task, probe["task"])
            for key in ("log_p", "log_g2", "log_tau", "train_step_loss_8",
                        "label_entropy", "effective_rank",
                        "initial_loss"):
                self.assertAlmostEqual(row[key], probe[key], 3, key)
            self.assertLess(plain.lower[i], row.t_star)
            self.assertGreater(plain.upper[i], row.t_star)


if __name__ == "__main__":
    unittest.main()
