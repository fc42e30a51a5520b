"""Networks of the kinds that people bring: each is probed as the same network
in a plain form, or refused with what to do."""

import math
import pathlib
import tempfile
import unittest
import warnings

import support

if support.has("torch"):
    import torch
    from torch import nn
    from torch.nn import functional

    import cape

#: Of the network, the batch and the training; the names of layers do not count.
MEASURED = ("log_p", "log_g2", "log_tau", "probe_loss", "log_mean_g2",
            "train_loss_0", "train_mean_gradient2",
            "train_gradient_l1", "train_step_loss_8", "initial_loss")


class Kind(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(3)
        self.images, self.classes = torch.randn(12, 3, 8, 8), torch.arange(12) % 4
        self.x = torch.randn(12, 6)
        self.tokens = torch.randint(0, 20, (12, 7))

    def assert_same(self, one, other):
        for key in MEASURED:
            self.assertAlmostEqual(one[key], other[key], 4, key)
        for a, b in zip(one.get("first_losses", []),
                        other.get("first_losses", []), strict=True):
            self.assertAlmostEqual(a, b, places=4)

    def probe(self, net, x, y, **options):
        """In both ways to train; what does not belong together would warn."""
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            return cape.probe(net, x, y, **{"learning_rate": 1e-2, "steps": 8} |
                              options)


@support.needs_torch
class Parameters(Kind):
    def test_a_complex_number_is_two_numbers(self):
        class Complex(nn.Module):
            def __init__(self):
                super().__init__()
                self.w = nn.Parameter(torch.randn(6, 4, dtype=torch.cfloat))

            def forward(self, x):
                y = x.to(torch.cfloat) @ self.w
                return y.real * y.imag

        class Real(nn.Module):
            def __init__(self, w):
                super().__init__()
                self.re = nn.Parameter(w.detach().real.clone())
                self.im = nn.Parameter(w.detach().imag.clone())

            def forward(self, x):
                return (x @ self.re) * (x @ self.im)

        net = Complex()
        for optimizer in ("adamw", "sgd"):
            options = {"optimizer": optimizer, "learning_rate": 1e-3}
            self.assert_same(
                self.probe(net, self.x, self.classes, **options),
                self.probe(Real(net.w), self.x, self.classes, **options))

    def test_sparse_gradients_are_those_of_the_dense_embedding(self):
        net = nn.Sequential(nn.Embedding(20, 5), nn.Flatten(),
                            nn.Linear(35, 4))
        dense = self.probe(net, self.tokens, self.classes)
        net[0].sparse = True
        self.assert_same(self.probe(net, self.tokens, self.classes), dense)

    def test_parametrized_weights_are_their_parameters(self):
        net = nn.Sequential(
            nn.Flatten(), nn.utils.parametrizations.weight_norm(
                nn.Linear(192, 10)), nn.Tanh(),
            nn.utils.parametrizations.spectral_norm(nn.Linear(10, 4)))
        before = {key: value.clone() for key, value in net.state_dict().items()}
        probe = self.probe(net, self.images, self.classes)
        self.assertAlmostEqual(math.exp(probe["log_p"]), 10 * (1 + 192 + 1) + 44,
                               places=2)
        for key, value in net.state_dict().items():
            self.assertTrue(torch.equal(value, before[key]), key)

    def test_what_trains_on_several_devices_is_the_network_inside(self):
        net = nn.Linear(6, 4)
        expected = self.probe(net, self.x, self.classes)
        self.assertEqual(expected["architecture"], "Linear")
        found = self.probe(nn.DataParallel(net), self.x, self.classes)
        self.assert_same(found, expected)
        self.assertEqual(found["architecture"], "Linear")
        with tempfile.TemporaryDirectory() as folder:
            torch.distributed.init_process_group(
                "gloo", rank=0, world_size=1,
                init_method=f"file://{pathlib.Path(folder) / 'meet'}")
            self.addCleanup(torch.distributed.destroy_process_group)
            shared = nn.parallel.DistributedDataParallel(net)
            optimizer = torch.optim.AdamW(shared.parameters(), 1e-2,
                                          weight_decay=1e-4)
            found = self.probe(shared, self.x, self.classes,
                               optimizer=optimizer, learning_rate=None)
            self.assert_same(found, expected)
            self.assertEqual(found["architecture"], "Linear")

    def test_a_compiled_network_is_the_one_inside(self):
        net = nn.Linear(6, 4)

        class Compiled(nn.Module):  # as torch.compile gives it
            def __init__(self):
                super().__init__()
                self._orig_mod = net

        self.assertEqual(self.probe(Compiled(), self.x,
                                    self.classes)["architecture"], "Linear")


@support.needs_torch
class Layouts(Kind):
    def test_channels_last_makes_no_difference(self):
        net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(),
                            nn.Flatten(), nn.Linear(180, 4))
        expected = self.probe(net, self.images, self.classes)
        self.assert_same(
            self.probe(net.to(memory_format=torch.channels_last),
                       self.images.to(memory_format=torch.channels_last),
                       self.classes), expected)

    def test_squeeze_may_drop_the_axis_of_a_single_sample(self):
        class Squeezing(nn.Module):
            def __init__(self, outputs):
                super().__init__()
                self.conv = nn.Conv2d(3, outputs, 8)

            def forward(self, x):
                return self.conv(x).squeeze()

        for outputs, y in ((4, self.classes), (1, torch.randn(12))):
            net = Squeezing(outputs)
            plain = nn.Sequential(net.conv, nn.Flatten())
            loss = (nn.CrossEntropyLoss(label_smoothing=0.1) if outputs > 1
                    else nn.L1Loss())
            for options in ({}, {"loss": loss}, {
                    "loss": lambda found, y, loss=loss: loss(
                        found.reshape(y.shape) if y.is_floating_point()
                        else found, y)}):
                self.assert_same(self.probe(net, self.images, y, **options),
                                 self.probe(plain, self.images, y, **options))

    def test_outputs_of_all_steps_may_be_in_one_column(self):
        plain = nn.Sequential(nn.Embedding(20, 5), nn.Linear(5, 20))
        expected = self.probe(plain, self.tokens, self.tokens)
        self.assertEqual(expected["task"], "sequence")
        flat = nn.Sequential(plain, nn.Flatten(0, 1))
        self.assert_same(self.probe(flat, self.tokens, self.tokens), expected)

    def test_losses_of_pytorch_get_what_they_take(self):
        """The classes first, the logits of an object, columns for numbers."""
        net = nn.Sequential(nn.Embedding(20, 5), nn.Linear(5, 20))

        class Named(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = net

            def forward(self, x):
                return {"logits": self.inner(x), "hidden": x}

        for loss in (nn.CrossEntropyLoss(ignore_index=0),
                     nn.CrossEntropyLoss(label_smoothing=0.1),
                     nn.CrossEntropyLoss(weight=torch.rand(20))):
            expected = self.probe(
                net, self.tokens, self.tokens, task="sequence",
                loss=lambda outputs, y, loss=loss: loss(outputs.flatten(0, 1),
                                                        y.flatten()))
            for kind in (net, Named()):
                found = self.probe(kind, self.tokens, self.tokens, loss=loss)
                for key in ("log_g2", "train_loss_0", "train_step_loss_8"):
                    self.assertAlmostEqual(found[key], expected[key], 4)
        regression, y = nn.Linear(6, 1), torch.randn(12)
        self.assertAlmostEqual(
            self.probe(regression, self.x, y, loss=nn.HuberLoss())
            ["train_loss_0"],
            functional.huber_loss(regression(self.x)[:, 0], y).item(), places=5)

    def test_weights_of_a_loss_fit_what_the_module_gives(self):
        """They can have the dimensions of masks."""
        net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Sigmoid())
        masks = (torch.rand(12, 2, 8, 8) > 0.5).float()
        weight = torch.tensor([1.0, 3.0]).view(2, 1, 1)
        for loss in (nn.BCEWithLogitsLoss(pos_weight=weight),
                     nn.BCELoss(weight=weight)):
            expected = loss(net(self.images), masks).item()
            for y in (masks, masks.bool(), masks.long()):
                probe = self.probe(net, self.images, y, loss=loss)
                self.assertEqual(probe["task"], "multilabel")
                self.assertAlmostEqual(probe["train_loss_0"], expected,
                                       places=5)

    def test_labels_of_a_loss_stay_whole_numbers(self):
        net = nn.Linear(6, 3)
        y = torch.tensor([[0, 2, -1], [1, -1, -1]]).repeat(6, 1)
        loss = nn.MultiLabelMarginLoss()
        self.assertAlmostEqual(
            self.probe(net, self.x, y, task="multilabel", loss=loss)
            ["train_loss_0"], loss(net(self.x), y).item(), places=5)

    def test_losses_of_steps_take_the_classes_first(self):
        """Also where there are as many steps as classes."""
        for x, y, layer in (
                (torch.randn(12, 3, 5), torch.randint(0, 5, (12, 5)),
                 nn.Conv1d(3, 5, 1)),
                (torch.randn(12, 3, 5, 5), torch.randint(0, 5, (12, 5, 5)),
                 nn.Conv2d(3, 5, 1))):
            shares = nn.Sequential(layer, nn.LogSoftmax(1))
            for net, loss in ((shares, nn.NLLLoss()),
                              (shares, functional.nll_loss),
                              (layer, nn.CrossEntropyLoss(label_smoothing=0.1))):
                probe = self.probe(net, x, y, loss=loss)
                self.assertEqual(probe["task"], "sequence")
                self.assertAlmostEqual(probe["train_loss_0"],
                                       loss(net(x), y).item(), places=5)

    def test_shares_of_two_classes_are_labels(self):
        net = nn.Sequential(nn.Linear(6, 3), nn.Sigmoid())
        y = (torch.rand(12, 3) > 0.5).float()
        probe = self.probe(net, self.x, y, loss=nn.BCELoss())
        self.assertEqual(probe["task"], "multilabel")
        self.assertAlmostEqual(
            probe["train_loss_0"],
            functional.binary_cross_entropy(net(self.x), y).item(), places=5)


@support.needs_torch
class GroupsOfParameters(Kind):
    def groups(self, net, **of_biases):
        weights = [p for p in net.parameters() if p.dim() > 1]
        biases = [p for p in net.parameters() if p.dim() < 2]
        return [{"params": weights, "weight_decay": 0.5},
                {"params": biases, "weight_decay": 0.0} | of_biases]

    def test_may_differ_in_their_weight_decay(self):
        net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4))
        nn.init.ones_(net[0].bias)
        optimizer = torch.optim.AdamW(self.groups(net), lr=0.05)
        with self.assertWarnsRegex(
                UserWarning, "weight decays 0, 0.5.* the largest, 0.5") as found:
            probe = cape.probe(net, self.x, self.classes, steps=8,
                               optimizer=optimizer)
        self.assertEqual(found.filename, __file__)
        self.assertEqual(probe["weight_decay"], 0.5)
        for loss in probe["first_losses"]:
            value = functional.cross_entropy(net(self.x), self.classes)
            self.assertAlmostEqual(loss, value.item(), places=5)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()

    def test_are_refused_where_they_differ_in_more(self):
        net = nn.Linear(6, 4)
        for optimizer, says in [
                (torch.optim.AdamW(self.groups(net, lr=0.1), lr=0.01),
                 r"differ in lr \(0.01, 0.1\).*optimizer='adamw'.*learning_rate"),
                (torch.optim.SGD(self.groups(net, momentum=0.5), lr=0.01),
                 r"differ in momentum \(0, 0.5\).*optimizer='sgd'")]:
            with self.assertRaisesRegex(cape.CapeError, says):
                self.probe(net, self.x, self.classes, optimizer=optimizer,
                           learning_rate=None)


@support.needs_torch
class Refused(Kind):
    def refuse(self, says, net, x, y, **options):
        with self.assertRaisesRegex(cape.CapeError, says):
            self.probe(net, x, y, **options)

    def test_what_is_no_batch_says_how_to_make_one(self):
        net, x, y = nn.Linear(6, 4), self.x, self.classes
        self.refuse("found a ndarray.; torch.as_tensor", net, x, y.numpy())
        self.refuse("found a list of an int, an int, an int and 9 more.; "
                    "torch.as_tensor", net, x, y.tolist())
        self.refuse("found a ndarray.; torch.as_tensor", net, x.numpy(), y)
        loader = torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(x, y), 12)
        self.refuse(r"inputs, targets = next\(iter\(loader\)\)", net, loader,
                    None)
        self.refuse(r"layout torch.sparse_coo.*to_dense\(\)", net,
                    x.to_sparse(), y)
        for layout in (torch.strided, torch.jagged):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they are new to PyTorch
                nested = torch.nested.nested_tensor(list(x), layout=layout)
            for given in (nested, [nested], {"input": nested}):
                self.refuse(r"nested tensor.*to_padded_tensor\(0\)", net, given,
                            y)
            self.refuse(r"found a nested tensor.*to_padded_tensor\(0\)", net,
                        x, nested)
        self.refuse("samples must come first", nn.Embedding(20, 4),
                    self.tokens.T, y)
        self.refuse(r"in a row, as its inputs are: \[samples, steps\]",
                    nn.Embedding(20, 4), self.tokens, self.tokens.flatten())
        self.refuse(r"give targets.long\(\)", net, x, y.float())
        self.refuse(r"give targets.flatten\(\)", net, x, y[:, None])
        for loss in (nn.MSELoss(), functional.l1_loss):
            self.refuse("are classes, give loss=None and no task. Name", net, x,
                        y, loss=loss)
            self.refuse(r"give loss=None and no task, and targets.long\(\). Name",
                        net, x, y.float(), loss=loss)
        self.refuse("are classes, give loss=None and no task. Name", net, x, y,
                    task="regression")

    def test_what_is_no_network_to_train_is_named(self):
        x, y = self.x, self.classes
        self.refuse(r"is the class Linear, .*: Linear\(...\)", nn.Linear, x, y)
        self.refuse("weight is on the device meta",
                    nn.Linear(6, 4, device="meta"), x, y)

        class Odd(nn.Linear):
            def __init__(self, change):
                super().__init__(6, 4)
                self.change = change

            def forward(self, x):
                return self.change(super().forward(x))

        self.refuse("does not depend on any trainable parameter.*detach",
                    Odd(torch.Tensor.detach), x, y)
        self.refuse("found a tuple of a tensor of shape .12, 4., a float.; wrap",
                    Odd(lambda y: (y, 0.5)), x, y)
        self.refuse("found a dict of out: a tensor.*; wrap",
                    Odd(lambda y: {"out": y}), x, y)
        self.refuse("output for a sample must not depend on the others",
                    Odd(lambda y: y - y.mean(0)), x, y)
        neighbours = torch.rand(12, 12)
        self.refuse("cannot be called with a sample by itself .RuntimeError",
                    Odd(lambda y: neighbours @ y), x, y)

    def test_outputs_of_a_softmax_are_noticed(self):
        for layer, name in ((nn.Softmax(1), "softmax"),
                            (nn.LogSoftmax(1), "log_softmax")):
            net = nn.Sequential(nn.Linear(6, 4), layer)
            with self.assertWarnsRegex(UserWarning, f"those of {name};"):
                cape.probe(net, self.x, self.classes, learning_rate=1e-2)
        self.probe(net, self.x, self.classes, loss=nn.NLLLoss())

    def test_what_is_exported_has_no_evaluation_mode(self):
        net = nn.Linear(6, 4)

        def raise_error():
            raise NotImplementedError("Calling eval() is not supported yet.")

        net.eval = raise_error
        self.refuse("no evaluation mode .*not supported yet", net, self.x,
                    self.classes)


if __name__ == "__main__":
    unittest.main()
