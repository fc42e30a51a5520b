"""cape.probe: what it takes, what it measures, and that it changes nothing."""

import collections
import copy
import dataclasses
import fractions
import functools
import math
import types
import unittest
import warnings
from unittest import mock

import support

if support.has("torch"):
    import networks
    import numpy
    import torch
    from torch import nn
    from torch.nn import functional

    import cape
    import cape.untouched
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

    def test_every_pass_begins_with_the_state_of_the_caller(self):
        class WithoutTorchFunc(networks.Remembering):
            def forward(self, x):
                len(x.tolist())  # not for torch.func
                return super().forward(x)

        torch.manual_seed(11)
        x, y = torch.randn(12, 5), torch.arange(12) % 3
        for kind in (networks.Remembering, WithoutTorchFunc):
            net = kind()
            plain = copy.deepcopy(net.layer)
            expected = cape.probe(plain, x, y, learning_rate=1e-2)
            for steps in (0, 8):
                before = self.state_of(net)
                found = cape.probe(net, x, y, learning_rate=1e-2, steps=steps)
                self.assert_same(before, self.state_of(net))
                for key in ("log_g2", "log_tau", "probe_loss", "log_mean_g2",
                            "logit_spread",
                            "train_loss_0", "train_mean_gradient2",
                            "train_step_loss_1", "train_step_loss_8",
                            "initial_loss"):
                    self.assertAlmostEqual(found[key], expected[key], 5, key)
            self.assertEqual(found["first_losses"][0], found["initial_loss"])
            # A training goes on with what its passes leave, as the user's does.
            optimizer = torch.optim.AdamW(net.parameters(), 1e-2,
                                          weight_decay=1e-4)
            for loss in found["first_losses"]:
                value = functional.cross_entropy(net(x), y)
                self.assertAlmostEqual(loss, value.item(), places=4)
                optimizer.zero_grad()
                value.backward()
                optimizer.step()

    def test_a_tensor_that_is_kept_can_come_from_all_samples_at_once(self):
        class Keeping(nn.Module):
            def __init__(self, state):
                super().__init__()
                self.layer, self.head = nn.Linear(5, 8), nn.Linear(8, 3)
                self.state = state
                state.last = torch.zeros(8)

            def forward(self, x):
                y = torch.tanh(self.layer(x) + self.state.last)
                self.state.last = y.detach().mean(0)
                return self.head(y)

        @dataclasses.dataclass
        class State:
            last: object = None

        torch.manual_seed(12)
        x, y = torch.randn(12, 5), torch.arange(12) % 3
        for state in (nn.Module(), types.SimpleNamespace(), State()):
            net = Keeping(state)
            first = nn.Sequential(net.layer, nn.Tanh(), net.head)
            expected = cape.probe(first, x, y, learning_rate=1e-2)
            with mock.patch("cape.norms._by_loop") as loop:
                found = cape.probe(net, x, y, learning_rate=1e-2, steps=8)
            loop.assert_not_called()
            self.assertEqual(state.last.tolist(), [0] * 8)
            for key in ("log_g2", "log_tau", "probe_loss", "train_loss_0",
                        "train_step_loss_4", "train_step_loss_8", "initial_loss"):
                self.assertAlmostEqual(found[key], expected[key], 5, key)

    def test_state_is_put_back_however_deep_it_is(self):
        class Deep(nn.Linear):
            def __init__(self):
                super().__init__(4, 3)
                self.log = {"sizes": [], "pair": ([1], {2})}
                self.tensors = [torch.zeros(3)]
                self.outside = [nn.Linear(1, 1)]  # no part of the module
                self.plain = torch.ones(3, requires_grad=True)
                self.register_buffer("grows", torch.zeros(1))
                self.register_buffer("mean", torch.zeros(3))

            def forward(self, x):
                y = super().forward(x) * self.plain
                self.log["sizes"].append(len(x))
                self.log["pair"][0].append(5)
                self.log["pair"][1].add(6)
                self.tensors[0] += 1
                self.outside[0].weight.data.zero_()
                self.grows.data = torch.cat([self.grows, self.grows])
                self.mean.mul_(0.9).add_(y.detach().mean(0))
                return y

        net = Deep()
        weight = net.outside[0].weight.detach().clone()
        tensor, grows = net.tensors[0], net.grows
        x, y = torch.randn(6, 4), torch.arange(6) % 3
        for steps in (0, 8):
            cape.probe(net, x, y, learning_rate=1e-3, steps=steps)
            self.assertEqual(net.log, {"sizes": [], "pair": ([1], {2})})
            self.assertIs(net.tensors[0], tensor)
            self.assertEqual(tensor.tolist(), [0, 0, 0])
            self.assertTrue(torch.equal(net.outside[0].weight, weight))
            self.assertIs(net.grows, grows)
            self.assertEqual(grows.tolist(), [0])
            self.assertEqual(net.mean.tolist(), [0, 0, 0])
            self.assertIsNone(net.plain.grad)

    def test_tensors_that_repeat_their_memory_stop_nothing(self):
        class Expanded(nn.Linear):
            def __init__(self):
                super().__init__(4, 3)
                self.register_buffer("mask", torch.ones(1).expand(3))
                self.frozen = nn.Parameter(torch.ones(1).expand(3), False)

            def forward(self, x):
                self.mask[0] = 7.0
                return super().forward(x) * self.frozen

        net = Expanded()
        x, y = torch.randn(6, 4), torch.arange(6) % 3
        for steps in (0, 8):
            before = self.state_of(net)
            cape.probe(net, x, y, learning_rate=1e-1, steps=steps)
            self.assert_same(before, self.state_of(net))
        self.assertEqual(net.mask.tolist(), [1, 1, 1])
        net.weight = nn.Parameter(torch.randn(1, 4).expand(3, 4))
        with self.assertRaisesRegex(cape.CapeError, "parameter weight repeats"):
            cape.probe(net, x, y, learning_rate=1e-1)

    def test_what_cannot_be_given_back_stops_nothing_else(self):
        net = nn.Linear(4, 3)
        before = self.state_of(net)
        with self.assertRaisesRegex(ValueError, "stuck"):
            with cape.untouched.Untouched(net) as untouched:
                with torch.no_grad():
                    net.weight += 1
                held, = [held for held in untouched._tensors
                         if held.tensor is net.bias]
                with mock.patch.object(held, "put_back",
                                       side_effect=ValueError("stuck")):
                    untouched.__exit__()
        self.assert_same(before, self.state_of(net))

    def test_the_same_network_has_the_same_probe_twice(self):
        net = networks.BatchNormCnn(1, 4)
        x, y = networks.batch("classification", (1, 8, 8), 4)
        options = {"learning_rate": 1e-3, "steps": 8}
        first = cape.probe(net, x, y, **options)
        with torch.no_grad():
            second = cape.probe(net.eval(), x, y, **options)
        self.assertEqual(numbers_of(first), numbers_of(second))


@support.needs_torch
class DropoutRate(unittest.TestCase):
    def rate_of(self, *layers):
        net = nn.Sequential(nn.Linear(8, 8), *layers)
        x, y = torch.randn(6, 5, 8), torch.randn(6, 5, 8)
        return cape.probe(net, x, y, learning_rate=1e-3)["dropout_rate"]

    def test_is_the_greatest_of_all_modules(self):
        self.assertEqual(self.rate_of(nn.Dropout(0.0)), 0)
        self.assertEqual(self.rate_of(nn.Dropout(0.25), nn.Dropout(0.5),
                                      nn.Dropout(0.125)), 0.5)
        self.assertEqual(self.rate_of(nn.Dropout1d(0.25)), 0.25)
        self.assertEqual(self.rate_of(nn.AlphaDropout(0.375)), 0.375)
        self.assertEqual(self.rate_of(
            nn.TransformerEncoderLayer(8, 2, 8, 0.25, batch_first=True)), 0.25)

    def test_is_between_recurrent_layers(self):
        class Recurrent(nn.LSTM):
            def forward(self, x):
                return super().forward(x)[0]

        for layers, expected in ((2, 0.5), (1, 0)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of dropout without effect
                net = Recurrent(8, 8, layers, batch_first=True, dropout=0.5)
            self.assertEqual(self.rate_of(net), expected)

    def test_is_that_of_functions(self):
        class Calls(nn.Module):
            def __init__(self, function):
                super().__init__()
                self.function = function

            def forward(self, x):
                return self.function(x, self.training)

        for function, expected in (
                (lambda x, on: functional.dropout(x, 0.25, on), 0.25),
                (lambda x, on: functional.dropout(x, 0.25, not on), 0),
                (lambda x, on: functional.dropout(x), 0.5),
                (lambda x, on: torch.dropout(x, 0.375, on), 0.375),
                (lambda x, on: torch.dropout(x, p=0.375, train=not on), 0),
                (lambda x, on: functional.scaled_dot_product_attention(
                    x, x, x, dropout_p=0.125 if on else 0.0), 0.125)):
            self.assertEqual(self.rate_of(Calls(function)), expected)
        self.assertTrue(math.isnan(self.rate_of(
            Calls(lambda x, on: x + 0.01 * torch.randn_like(x)))))

    def test_is_that_of_a_packed_sequence(self):
        class Packed(nn.GRU):
            def forward(self, x):
                packed = nn.utils.rnn.pack_padded_sequence(
                    x, torch.full((len(x),), 5), batch_first=True)
                return nn.utils.rnn.pad_packed_sequence(
                    super().forward(packed)[0], batch_first=True)[0]

        self.assertEqual(self.rate_of(
            Packed(8, 8, 2, batch_first=True, dropout=0.5)), 0.5)

    def test_is_not_known_of_parts_in_torchscript_that_draw(self):
        scripted = torch.jit.script(nn.Sequential(nn.Dropout(0.25)))
        self.assertTrue(math.isnan(self.rate_of(nn.Dropout(0.1), scripted)))
        self.assertEqual(self.rate_of(torch.jit.script(nn.ReLU())), 0)

    def test_is_that_of_compiled_parts(self):
        part = torch.compile(nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.25)),
                             backend="eager", fullgraph=True)
        self.assertEqual(self.rate_of(part, nn.Dropout(0.1)), 0.25)


@support.needs_torch
class Norms(unittest.TestCase):
    def norms(self, how, net, x, y, loss=None):
        net.eval()
        batch = Batch(x, y)
        objective = Objective(None, loss, y, batch.call(net))
        parameters = {key: value for key, value in net.named_parameters()
                      if value.requires_grad}
        return how(net, parameters, batch, objective, lambda: None)

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

    def test_a_module_that_changes_its_inputs_changes_copies(self):
        class InPlace(nn.Linear):
            def forward(self, x, scale):
                return super().forward(x.mul_(2)) * scale.add_(1)

        net = InPlace(4, 3)
        x, scale = self.values.clone(), torch.tensor(1.0)
        targets = self.y.clone()

        def loss(outputs, y):
            return functional.cross_entropy(outputs, y.add_(0))

        expected = cape.probe(net, (x.clone(), scale.clone()), targets,
                              learning_rate=1e-3)
        for steps in (0, 8):
            found = cape.probe(net, (x, scale), targets, learning_rate=1e-3,
                               steps=steps, loss=loss)
            self.assertTrue(torch.equal(x, self.values))
            self.assertEqual(scale.item(), 1)
            true = functional.cross_entropy(
                2 * functional.linear(2 * x, net.weight, net.bias),
                targets).item()
            for key in ("probe_loss", "train_loss_0", "initial_loss"):
                self.assertAlmostEqual(found[key], true, 5, key)
            self.assertAlmostEqual(found["log_g2"], expected["log_g2"], 5)

    def test_inputs_with_gradients_get_none(self):
        x = torch.randn(16, 4, requires_grad=True)
        cape.probe(nn.Linear(4, 3), x, self.y, learning_rate=1e-3, steps=8)
        self.assertIsNone(x.grad)

    def test_what_is_around_the_tensors_keeps_its_type(self):
        Pair = collections.namedtuple("Pair", "tokens values")
        two = self.Two()
        seen = []

        class Nested(nn.Module):
            def __init__(self):
                super().__init__()
                self.two = two

            def forward(self, pair, options):
                seen.append([type(pair), type(options), type(options["t"])])
                return self.two(*pair, scale=options["scale"])

        options = collections.UserDict(scale=1.0, t=(1, self.values))
        pair = Pair(self.tokens, self.values)
        expected = cape.probe(two, tuple(pair), self.y, learning_rate=1e-3)
        for inputs in ((pair, options), [pair, options],
                       collections.UserDict(pair=pair, options=options),
                       types.MappingProxyType({"pair": pair,
                                               "options": options})):
            probe = cape.probe(Nested(), inputs, self.y, learning_rate=1e-3)
            self.assertAlmostEqual(probe["log_g2"], expected["log_g2"], 6)
        self.assertEqual(set(map(tuple, seen)),
                         {(Pair, collections.UserDict, tuple)})
        self.assertIs(options["t"][1], self.values)

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

    def test_shares_of_classes_are_no_classes(self):
        torch.manual_seed(8)
        net, x = nn.Linear(4, 3), torch.randn(9, 4)
        shares = torch.softmax(torch.randn(9, 3), 1)
        true = functional.cross_entropy(net(x), shares).item()
        of_largest = functional.cross_entropy(net(x), shares.argmax(1)).item()
        self.assertGreater(abs(true - of_largest), 1e-2)
        for options in ({"loss": nn.CrossEntropyLoss()},
                        {"loss": functional.cross_entropy},
                        {"task": "classification"}):
            probe = cape.probe(net, x, shares, learning_rate=1e-3, **options)
            self.assertEqual(probe["task"], "classification")
            self.assertEqual(probe["classes"], 3)
            for key in ("initial_loss", "probe_loss", "train_loss_0"):
                self.assertAlmostEqual(probe[key], true, 5)

    def test_a_loss_of_another_task_is_the_users_own(self):
        torch.manual_seed(9)
        net, x = nn.Linear(4, 3), torch.randn(9, 4)
        y = functional.one_hot(torch.arange(9) % 3, 3).float()
        for task, loss in [("classification", nn.MSELoss()),
                           ("classification", nn.BCEWithLogitsLoss()),
                           ("multilabel", functional.cross_entropy),
                           ("multilabel", nn.MSELoss()),
                           ("regression", nn.CrossEntropyLoss())]:
            probe = cape.probe(net, x, y, learning_rate=1e-3, task=task,
                               loss=loss)
            self.assertEqual(probe["task"], task)
            self.assertAlmostEqual(probe["initial_loss"],
                                   loss(net(x), y).item(), 5)

    def test_classes_that_a_loss_leaves_out_do_not_count(self):
        torch.manual_seed(10)
        net, x = nn.Linear(4, 3), torch.randn(9, 4)
        y = torch.arange(9) % 3
        y[6:] = -1
        batch = x[:6], y[:6]
        some = cape.probe(net, *batch, learning_rate=1e-3)
        loss = nn.CrossEntropyLoss(ignore_index=-1)
        self.assertAlmostEqual(
            Objective(None, loss, y, net(x)).summed_f(net(x), y).item(),
            net(x[:6]).gather(1, y[:6, None]).sum().item(), places=5)
        self.assertAlmostEqual(
            Objective(None, loss, y, net(x)).label_entropy(y),
            some["label_entropy"], places=6)

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
            probe = self.probe(kind, learning_rate=0.01, steps=32)
            torch.manual_seed(1)
            net = nn.Linear(4, 3)
            x, y = torch.randn(9, 4), torch.arange(9) % 3
            optimizer = build(net.parameters())
            losses = []
            for _ in range(33):
                optimizer.zero_grad()
                loss = functional.cross_entropy(net(x), y)
                losses.append(loss.item())
                loss.backward()
                optimizer.step()
            self.assertEqual(len(probe["first_losses"]), 33)
            for a, b in zip(probe["first_losses"], losses):
                self.assertAlmostEqual(a, b, places=6)
            self.assertGreater(probe["step_seconds"], 0)

    def test_a_number_can_be_of_any_type(self):
        expected = numbers_of(self.probe("sgd", learning_rate=0.25,
                                         max_steps=700))
        for rate in (numpy.float32(0.25), torch.tensor(0.25),
                     numpy.array(0.25), fractions.Fraction(1, 4)):
            for steps in (numpy.int64(700), 700.0, torch.tensor(700)):
                probe = numbers_of(self.probe("sgd", learning_rate=rate,
                                              max_steps=steps))
                self.assertEqual(probe, expected)
                self.assertIs(type(probe["max_steps"]), int)

    def test_adam_with_decoupled_weight_decay_is_adamw(self):
        try:
            probe = self.probe(lambda p: torch.optim.Adam(
                p, 0.01, weight_decay=1e-2, decoupled_weight_decay=True),
                steps=8)
        except TypeError:
            self.skipTest("this PyTorch has no such setting")
        same = self.probe(lambda p: torch.optim.AdamW(
            p, 0.01, weight_decay=1e-2), steps=8)
        self.assertEqual(probe["optimizer"], "adamw")
        self.assertEqual(numbers_of(probe), numbers_of(same))

    def test_an_optimizer_can_leave_out_what_is_frozen(self):
        net = nn.Linear(4, 3)
        net.bias.requires_grad_(False)
        probe = cape.probe(net, torch.randn(9, 4), torch.arange(9) % 3,
                           optimizer=torch.optim.AdamW([net.weight], 0.01))
        self.assertAlmostEqual(probe["log_p"], math.log(12))

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
                (7, "must be a name"),
                ({"kind": ["sgd"]}, "no optimizer"),
                ({"kind": "sgd", "momentum": None},
                 "momentum of sgd must be a number of at least 0 .found None"),
                ({"kind": "sgd", "momentum": -1}, "momentum of sgd"),
                ({"kind": "adam", "weight_decay": "1"}, "found '1'"),
                ({"kind": "sgd", "nesterov": 1}, "True or False .found 1"),
                ({"kind": "sgd", "nesterov": True, "momentum": 0},
                 "nesterov needs"),
                (lambda p: torch.optim.SGD(list(p)[:1], lr=1),
                 "does not have the parameter bias"),
                (torch.optim.SGD(nn.Linear(4, 3).parameters(), lr=1),
                 "does not have the parameter weight")]:
            with self.assertRaisesRegex(cape.CapeError, says):
                self.probe(optimizer, learning_rate=1e-3)
        for rate in (None, 0, -1, float("inf"), float("nan"), "abc", "1",
                     True, [1e-3], torch.ones(2)):
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
        self.refuse("class -1, but the module gives 3", y=torch.arange(9) - 1)
        self.refuse("whole numbers .found 0.5", y=torch.arange(9) / 2,
                    task="classification")
        self.refuse("shares of 2 classes, but the module gives 3",
                    y=torch.ones(9, 2) / 2, task="classification")
        self.refuse("reduction='sum'",
                    loss=nn.CrossEntropyLoss(reduction="sum"))
        self.refuse("reduction='sum'", loss=functools.partial(
            functional.cross_entropy, reduction="sum"))
        self.refuse("loss must be called .*found 'mse'", loss="mse")
        self.refuse("no task 'guess'", task="guess")
        self.refuse("steps must be 0, 8 or 32", steps=3)
        self.refuse("steps must be a whole number", steps="8")
        self.refuse("max_steps must be a whole number of at least 1 .found 0.5",
                    max_steps=0.5)
        self.refuse("max_steps .*found 'many'", max_steps="many")
        self.refuse("dataset must be a text .found 3", dataset=3)
        self.refuse("name must be a text", name=3)
        self.refuse("name must be a text .found 1", x={1: torch.randn(9, 4)})
        with torch.inference_mode():
            net = nn.Linear(4, 3)
        self.refuse("weight was made inside of torch.inference_mode", net=net)
        self.refuse("weight of the module is not initialised yet",
                    net=nn.LazyLinear(3))
        self.refuse("one number, the mean", loss=nn.CrossEntropyLoss(
            reduction="none"))
        self.refuse("log_g2 of this network is not finite",
                    x=torch.full((9, 4), float("nan")))
        self.refuse("must give a tensor", net=Pair())

    def test_a_single_sample_with_batch_norm_has_no_training_mode(self):
        net = networks.BatchNormCnn(1, 4)
        y = torch.tensor([1])
        self.refuse("batch of at least 2 samples", net.train(),
                    torch.randn(1, 1, 3, 3), y)
        # With several pixels there are deviations.
        probe = cape.probe(net, torch.randn(1, 1, 8, 8), y, learning_rate=1e-3)
        self.assertTrue(math.isnan(probe["train_loss_0"]))


if support.has("torch"):
    class Pair(nn.Linear):
        def __init__(self):
            super().__init__(4, 3)

        def forward(self, x):
            return super().forward(x), x


if __name__ == "__main__":
    unittest.main()
