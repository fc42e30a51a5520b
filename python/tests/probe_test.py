"""cape.probe: what it takes, what it measures, and that it changes nothing."""

import copy
import math
import unittest

import support

if support.has("torch"):
    import networks
    import torch
    from torch import nn
    from torch.nn import functional

    import cape
    from cape.batch import Batch
    from cape.norms import _at_once, _by_loop
    from cape.objective import Objective


def numbers_of(probe):
    """What two probes of one network have in common, NaN as text."""
    return {key: "NaN" if value != value else value
            for key, value in probe.items()
            if not key.endswith("seconds") and key != "architecture"}


@support.needs_torch
class Untouched(unittest.TestCase):
    def state_of(self, net):
        return (copy.deepcopy(net.state_dict()),
                [module.training for module in net.modules()],
                [None if p.grad is None else (p.grad, p.grad.clone())
                 for p in net.parameters()],
                [p.requires_grad for p in net.parameters()],
                [p.data_ptr() for p in net.parameters()],
                torch.get_rng_state())

    def assert_same(self, before, after):
        for key, value in before[0].items():
            self.assertTrue(torch.equal(value, after[0][key]), key)
        self.assertEqual(before[1], after[1])
        for old, new in zip(before[2], after[2]):
            self.assertEqual(old is None, new is None)
            if old is not None:
                self.assertIs(old[0], new[0])
                self.assertTrue(torch.equal(old[1], new[1]))
        self.assertEqual(before[3:5], after[3:5])
        self.assertTrue(torch.equal(before[5], after[5]))

    def test_a_network_that_counts_is_as_it_was(self):
        torch.manual_seed(3)
        net = networks.Counting()
        x, y = torch.randn(12, 5), torch.arange(12) % 3
        functional.cross_entropy(net(x), y).backward()  # leaves gradients
        net.norm.eval()  # somebody has frozen it
        net.history.clear()
        passes, seen, last = net.passes, net.seen.clone(), net.last
        content = last.clone()
        for steps in (0, 8):
            before = self.state_of(net)
            probe = cape.probe(net, x, y, learning_rate=1e-2, steps=steps)
            self.assertEqual(probe["probe_dropout"], 1)
            self.assert_same(before, self.state_of(net))
            self.assertEqual(net.passes, passes)
            self.assertEqual(net.history, [])
            self.assertTrue(torch.equal(net.seen, seen))
            self.assertIs(net.last, last)
            self.assertTrue(torch.equal(net.last, content))

    def test_so_is_one_whose_forward_pass_fails_in_between(self):
        class Failing(nn.Linear):
            def forward(self, x):
                if self.training:
                    raise ValueError("not in training")
                return super().forward(x)

        net, x = Failing(4, 3), torch.randn(6, 4)
        before = self.state_of(net)
        with self.assertRaisesRegex(ValueError, "not in training"):
            cape.probe(net, x, torch.arange(6) % 3, learning_rate=1e-3)
        self.assert_same(before, self.state_of(net))

    def test_a_graph_of_the_caller_can_still_go_backward(self):
        net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        x, y = torch.randn(6, 4), torch.arange(6) % 3
        loss = functional.cross_entropy(net(x), y)
        cape.probe(net, x, y, learning_rate=1e-3)
        loss.backward()
        self.assertIsNotNone(net[0].weight.grad)

    def test_the_same_network_has_the_same_probe_twice(self):
        net = networks.BatchNormCnn(1, 4)
        x, y = networks.batch("classification", (1, 8, 8), 4)
        options = {"learning_rate": 1e-3, "steps": 8}
        first = cape.probe(net, x, y, **options)
        with torch.no_grad():
            second = cape.probe(net.eval(), x, y, **options)
        self.assertEqual(numbers_of(first), numbers_of(second))


@support.needs_torch
class Norms(unittest.TestCase):
    def norms(self, how, net, x, y, loss=None):
        net.eval()
        batch = Batch(x, y)
        objective = Objective(None, loss, y, batch.call(net))
        parameters = {key: value for key, value in net.named_parameters()
                      if value.requires_grad}
        return how(net, parameters, batch, objective)

    def test_all_at_once_are_those_of_one_after_the_other(self):
        for name, net, task, shape, outputs in networks.cases():
            if "gru" in name or "lstm" in name:
                continue  # torch.func has no rule for it
            x, y = networks.batch(task, shape, outputs,
                              vocabulary=getattr(net, "vocabulary", 0))
            fast = self.norms(lambda *args: _at_once(*args, chunk=5), net, x, y)
            for a, b in zip(fast, self.norms(_by_loop, net, x, y)):
                self.assertLess(abs(a / b - 1), 1e-5, name)

    def test_a_layer_that_torch_func_does_not_know_is_looped_over(self):
        net = networks.Gru(7, 5, False)
        x, y = networks.batch("classification", (6, 7), 5)
        with self.assertRaises(Exception):
            self.norms(lambda *args: _at_once(*args, chunk=8), net, x, y)
        probe = cape.probe(net, x, y, learning_rate=1e-3)
        g2, tau = self.norms(_by_loop, net, x, y)
        self.assertAlmostEqual(probe["log_g2"], math.log(g2), places=6)
        self.assertAlmostEqual(probe["log_tau"], math.log(tau), places=6)

    def test_of_a_linear_network_they_are_known(self):
        net = nn.Linear(3, 1, bias=False)
        x, y = torch.randn(10, 3), torch.randn(10)
        probe = cape.probe(net, x, y, learning_rate=1e-3)
        squares = x.double().square().sum(1)
        errors = (net(x)[:, 0] - y).detach().double()
        self.assertAlmostEqual(probe["log_tau"], squares.mean().log().item(),
                               places=6)
        self.assertAlmostEqual(
            probe["log_g2"], (errors.square() * squares).mean().log().item(),
            places=6)


@support.needs_torch
class Inputs(unittest.TestCase):
    """Networks with several inputs, of whole numbers and with own losses."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.numbers = nn.Embedding(20, 6), nn.Linear(4, 6)
            self.head = nn.Linear(6, 3)

        def forward(self, tokens, values, scale=1.0):
            return self.head(self.words(tokens).mean(1) * scale +
                             self.numbers(values))

    def setUp(self):
        torch.manual_seed(5)
        self.tokens = torch.randint(0, 20, (16, 7))
        self.values = torch.randn(16, 4)
        self.y = torch.arange(16) % 3

    def test_a_tuple_is_arguments_and_a_dict_is_named_arguments(self):
        net = self.Two()
        one = cape.probe(net, (self.tokens, self.values), self.y,
                         learning_rate=1e-3)
        two = cape.probe(net, {"values": self.values, "tokens": self.tokens},
                         self.y, learning_rate=1e-3)
        three = cape.probe(net, {"tokens": self.tokens, "values": self.values,
                                 "scale": 0.5}, self.y, learning_rate=1e-3)
        for key in ("log_g2", "train_loss_0", "input_rms"):
            self.assertAlmostEqual(one[key], two[key], places=6)
        self.assertNotEqual(one["log_g2"], three["log_g2"])
        self.assertEqual(one["input_size"], 11)
        # Tokens have no size.
        x = self.values.double()
        self.assertAlmostEqual(one["input_rms"],
                               x.square().mean().sqrt().item(), places=5)

    def test_a_network_can_return_more_than_its_logits(self):
        class Output:
            def __init__(self, logits, loss):
                self.logits, self.loss = logits, loss

        class WithLoss(nn.Module):
            def __init__(self, inner):
                super().__init__()
                self.inner = inner

            def forward(self, tokens, values, labels):
                logits = self.inner(tokens, values)
                return Output(logits, functional.cross_entropy(logits, labels))

        inner = self.Two()
        inputs = {"tokens": self.tokens, "values": self.values}
        plain = cape.probe(inner, inputs, self.y, learning_rate=1e-3)
        own = cape.probe(WithLoss(inner), inputs | {"labels": self.y}, self.y,
                         learning_rate=1e-3, loss=lambda out, _: out.loss)
        for key in ("log_g2", "log_tau", "train_loss_0", "train_step_loss_8"):
            self.assertAlmostEqual(plain[key], own[key], places=5)

    def test_parameters_that_are_not_trained_do_not_count(self):
        net = self.Two()
        net.words.requires_grad_(False)
        probe = cape.probe(net, (self.tokens, self.values), self.y,
                           learning_rate=1e-3)
        self.assertAlmostEqual(probe["log_p"], math.log(4 * 6 + 6 + 6 * 3 + 3))


@support.needs_torch
class Tasks(unittest.TestCase):
    def task(self, outputs, targets, loss=None):
        return Objective(None, loss, targets, outputs).task

    def test_is_found_from_targets_outputs_and_loss(self):
        rand, labels = torch.rand, torch.randint(0, 2, (6, 4))
        self.assertEqual(self.task(rand(6, 3), torch.arange(6) % 3),
                         "classification")
        self.assertEqual(self.task(rand(6, 1), rand(6)), "regression")
        self.assertEqual(self.task(rand(6, 2), rand(6, 2)), "regression")
        self.assertEqual(self.task(rand(6, 4), labels), "multilabel")
        self.assertEqual(self.task(rand(6, 4), labels.float()), "multilabel")
        self.assertEqual(self.task(rand(6, 4), labels > 0), "multilabel")
        self.assertEqual(self.task(rand(6, 4, 2), labels), "sequence")
        self.assertEqual(self.task(rand(6, 2, 4), labels), "sequence")
        self.assertEqual(self.task(rand(6, 1), labels[:, 0].float(),
                                   nn.BCEWithLogitsLoss()), "multilabel")
        self.assertEqual(self.task(rand(6, 4), labels.float(), nn.L1Loss()),
                         "regression")

    def test_cross_entropy_takes_the_classes_first_or_last(self):
        scores, y = torch.randn(6, 5, 3), torch.randint(0, 3, (6, 5))
        last = Objective(None, None, y, scores)
        first = Objective(None, nn.CrossEntropyLoss(), y, scores.mT)
        expected = functional.cross_entropy(scores.flatten(0, 1), y.flatten())
        for objective, outputs in ((last, scores), (first, scores.mT)):
            self.assertEqual(objective.classes, 3)
            self.assertAlmostEqual(objective.mean_loss(outputs, y).item(),
                                   expected.item(), places=6)
        # Where both could be meant, a loss of PyTorch says which.
        square = torch.randn(6, 3, 3)
        labels = y[:, :3]
        self.assertAlmostEqual(
            Objective(None, nn.CrossEntropyLoss(), labels, square)
            .mean_loss(square, labels).item(),
            functional.cross_entropy(square, labels).item(), places=6)

    def test_steps_that_are_ignored_do_not_count(self):
        net = networks.Gru(7, 3, True)
        x, y = networks.batch("sequence", (6, 7), 3)
        y[:, 4:] = -100
        probe = cape.probe(net, x, y, learning_rate=1e-3)
        counts = torch.bincount(y[:, :4].flatten()).double()
        shares = counts / counts.sum()
        self.assertAlmostEqual(probe["label_entropy"],
                               -(shares * shares.log()).sum().item(), places=6)
        self.assertTrue(math.isfinite(probe["neighbour_agreement"]))

    def test_a_loss_of_ones_own_is_the_one_that_is_probed(self):
        net, x = nn.Linear(4, 3), torch.randn(9, 4)
        y = torch.arange(9) % 3
        smooth = nn.CrossEntropyLoss(label_smoothing=0.2)
        probe = cape.probe(net, x, y, learning_rate=1e-3, loss=smooth)
        self.assertAlmostEqual(probe["train_loss_0"],
                               smooth(net(x), y).item(), places=6)

    def test_half_of_the_squared_error_is_what_rows_have(self):
        net, x, y = nn.Linear(4, 1), torch.randn(9, 4), torch.randn(9)
        probe = cape.probe(net, x, y, learning_rate=1e-3, loss=nn.MSELoss())
        self.assertAlmostEqual(
            probe["train_loss_0"],
            functional.mse_loss(net(x)[:, 0], y).item() / 2, places=6)
        with self.assertRaisesRegex(cape.CapeError, "twice the learning rate"):
            cape.probe(net, x, y, learning_rate=1e-3, loss=nn.MSELoss(),
                       optimizer="sgd")


@support.needs_torch
class Optimizers(unittest.TestCase):
    def probe(self, optimizer, **options):
        torch.manual_seed(1)
        self.net = nn.Linear(4, 3)
        if callable(optimizer):
            optimizer = optimizer(self.net.parameters())
        return cape.probe(self.net, torch.randn(9, 4), torch.arange(9) % 3,
                          optimizer=optimizer, **options)

    def test_one_of_torch_optim_says_it_all(self):
        probe = self.probe(lambda parameters: torch.optim.SGD(
            parameters, lr=0.05, momentum=0.5, weight_decay=1e-3))
        self.assertEqual(probe["learning_rate"], 0.05)
        self.assertEqual(probe["optimizer"], "sgd")
        self.assertIn('"momentum": 0.5', probe["optimizer_json"])
        self.assertEqual(probe["weight_decay"], 1e-3)
        same = self.probe({"kind": "sgd", "momentum": 0.5,
                           "weight_decay": 1e-3}, learning_rate=0.05)
        self.assertEqual(numbers_of(probe), numbers_of(same))

    def test_the_first_losses_are_those_of_a_training(self):
        for kind, build in [
                ("adamw", lambda p: torch.optim.AdamW(p, 0.01,
                                                      weight_decay=1e-4)),
                ("adam", lambda p: torch.optim.Adam(p, 0.01,
                                                    weight_decay=1e-4)),
                ("sgd", lambda p: torch.optim.SGD(p, 0.01, momentum=0.9,
                                                  weight_decay=1e-4))]:
            probe = self.probe(kind, learning_rate=0.01, steps=8)
            torch.manual_seed(1)
            net = nn.Linear(4, 3)
            x, y = torch.randn(9, 4), torch.arange(9) % 3
            optimizer = build(net.parameters())
            losses = []
            for _ in range(9):
                optimizer.zero_grad()
                loss = functional.cross_entropy(net(x), y)
                losses.append(loss.item())
                loss.backward()
                optimizer.step()
            self.assertEqual(len(probe["first_losses"]), 9)
            for a, b in zip(probe["first_losses"], losses):
                self.assertAlmostEqual(a, b, places=6)
            self.assertGreater(probe["step_seconds"], 0)

    def test_a_training_that_diverges_ends(self):
        probe = self.probe({"kind": "sgd", "momentum": 0.0},
                           learning_rate=1e30, steps=8)
        self.assertLess(len(probe["first_losses"]), 9)
        self.assertFalse(math.isfinite(probe["first_losses"][-1]))

    def test_what_no_row_has_is_refused(self):
        for optimizer, says in [
                ("lion", "no optimizer 'lion'; known: adamw"),
                ({"kind": "adam", "beta": 1}, "no setting 'beta'"),
                (lambda p: torch.optim.RMSprop(p, 1e-3), "RMSprop"),
                (lambda p: torch.optim.Adam(p, 1e-3, betas=(0.8, 0.99)),
                 "betas"),
                (lambda p: torch.optim.SGD(
                    [{"params": [q], "lr": 0.1 * i}
                     for i, q in enumerate(p, 1)], lr=1), "groups"),
                (7, "must be a name")]:
            with self.assertRaisesRegex(cape.CapeError, says):
                self.probe(optimizer, learning_rate=1e-3)
        for rate in (None, 0, -1, float("inf"), float("nan")):
            with self.assertRaisesRegex(cape.CapeError, "learning_rate"):
                self.probe("adamw", learning_rate=rate)


@support.needs_torch
class Refused(unittest.TestCase):
    def refuse(self, says, net=None, x=None, y=None, **options):
        net = net or nn.Linear(4, 3)
        x = torch.randn(9, 4) if x is None else x
        y = torch.arange(9) % 3 if y is None else y
        with self.assertRaisesRegex(cape.CapeError, says):
            cape.probe(net, x, y, **{"learning_rate": 1e-3} | options)

    def test_what_cannot_be_probed_is_said(self):
        self.refuse("must be a torch.nn.Module", net=3)
        self.refuse("no trainable parameters", net=nn.ReLU())
        self.refuse("targets must be a tensor", y=[1, 2])
        self.refuse(r"number of targets, 9.*shape \[3, 4\]",
                    x=torch.randn(3, 4))
        self.refuse(r"\[9, 3\] for targets of \[9, 2\]",
                    y=torch.randn(9, 2))
        self.refuse("class 7, but the module gives 3", y=torch.full((9,), 7))
        self.refuse("no task 'guess'", task="guess")
        self.refuse("steps must be 0 or 8", steps=3)
        self.refuse("one number, the mean", loss=nn.CrossEntropyLoss(
            reduction="none"))
        self.refuse("log_g2 of this network is not finite",
                    x=torch.full((9, 4), float("nan")))
        self.refuse("must give a tensor", net=Pair())

    def test_a_single_sample_with_batch_norm_has_no_training_mode(self):
        net = networks.BatchNormCnn(1, 4)
        with self.assertRaises(ValueError):  # of PyTorch, in its first step
            cape.probe(net.train(), torch.randn(1, 1, 3, 3),
                       torch.tensor([1]), learning_rate=1e-3)


if support.has("torch"):
    class Pair(nn.Linear):
        def __init__(self):
            super().__init__(4, 3)

        def forward(self, x):
            return super().forward(x), x


if __name__ == "__main__":
    unittest.main()
