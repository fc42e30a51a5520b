"""cape_predict --probed: probes that somebody else has taken."""

import json
import subprocess

import support
from predict_test import PredictTest
from support import BIN

# What a prediction of --json has of the probe beside `probe`.
COLUMNS = ["architecture", "architecture_json", "family", "dataset", "variant",
           "task", "target", "criterion", "optimizer", "optimizer_json",
           "weight_decay", "max_steps", "learning_rate", "batch_size",
           "epsilon", "log_p", "log_n", "classes", "input_size",
           "initial_loss", "step_seconds", "probe_seconds", "device",
           "threads", "trajectory", "trial"]


def probe_of(prediction):
    return {key: prediction[key] for key in COLUMNS} | prediction["probe"]


class Probed(PredictTest):
    def probed(self, text, *arguments, code=0, says=(), source="-"):
        """What it prints on standard output. There is no trainer."""
        command = [BIN / "cape_predict", "--probed", source, "--model",
                   self.model, *arguments]
        done = subprocess.run([str(argument) for argument in command],
                              input=text, capture_output=True, text=True)
        self.expect(done.returncode, done.stdout + done.stderr, code, says)
        self.warnings = done.stderr
        return done.stdout

    def lines(self, *arguments):
        """The probes of the grid, and what is predicted from them."""
        predictions = self.predictions(self.config, *arguments)
        return predictions, "".join(json.dumps(probe_of(one)) + "\n"
                                    for one in predictions)

    def test_a_probe_that_is_handed_back_has_the_same_answer(self):
        self.assert_same_answers(*self.lines())

    def test_so_it_is_for_other_optimizers_and_variants(self):
        self.assert_same_answers(*self.lines(
            "grid.optimizer=[{kind: sgd, momentum: 0.5}, adam]",
            "grid.datasets=[{name: mnist, variant: {label_noise: 0.25}}]"))

    def assert_same_answers(self, predictions, lines):
        again = json.loads(self.probed(lines, "--json"))
        self.assertEqual(again["failed"], [])
        self.assertEqual(again["predictions"], predictions)
        self.assertEqual(self.warnings, "")
        file = self.folder / "probes.jsonl"
        file.write_text(lines)
        self.assertEqual(json.loads(self.probed("", "--json", source=file)),
                         again)

    def test_a_table_is_printed_and_sorted(self):
        predictions, lines = self.lines()
        printed = self.probed(lines, "--sort", "steps")
        self.assertEqual(printed.count(" mnist "), len(predictions))
        self.assertIn("one fixed batch", printed)

    def test_a_line_has_one_network_and_any_epsilons(self):
        predictions, _ = self.lines()
        one = probe_of(predictions[0]) | {"epsilon": [0.1, 0.2, 0.3]}
        answers = json.loads(self.probed(json.dumps(one), "--json"))
        self.assertEqual([answer["epsilon"]
                          for answer in answers["predictions"]],
                         [0.1, 0.2, 0.3])

    def test_a_row_of_a_shard_is_a_probe(self):
        row = next(iter(self.fitted().values()))
        numbers = {name: float(row[name]) for name in
                   ("log_p", "log_g2", "log_tau", "learning_rate", "epsilon")}
        line = numbers | {"batch_size": int(row["batch_size"]), "t_star": 3,
                          "converged": True}
        self.probed(json.dumps(line), "--json")
        self.assertIn("1 of 1 probes do not mention these", self.warnings)
        self.assertIn("train_loss_0", self.warnings)

    def test_what_is_wrong_is_named_with_its_line(self):
        _, lines = self.lines()
        first = json.loads(lines.splitlines()[0])
        self.probed(json.dumps(first | {"first_losses": 9 * [2.0]}), "--steps",
                    "32", code=2, says="needs first_losses of 33 numbers")
        for text, says in [
                ("", "standard input has no probe"),
                (lines + "{", "standard input:13:"),
                (json.dumps(first | {"log_g22": 1}), "unknown key 'log_g22'"),
                (json.dumps(first | {"epsilon": None}), "epsilon is missing"),
                (json.dumps(first | {"batch_size": -4}), "batch_size must be"),
                (json.dumps(first | {"log_tau": float("inf")}),
                 "no JSON object in one line")]:
            self.probed(text, code=2, says=says)

    def test_what_does_not_go_together_is_refused(self):
        _, lines = self.lines()
        self.probed(lines, self.config, code=2, says="in place of")
        self.probed(lines, "--measure", code=2, says="--measure")
        self.probed("", source=self.folder / "none", code=2,
                    says="cannot be opened")
        self.probed(lines, "--target", "full_training", code=2,
                    says="the target is batch_steps")

    def test_first_losses_are_for_steps(self):
        _, lines = self.lines()
        self.probed(lines, "--steps", "8", code=2,
                    says="needs first_losses of 9 numbers")
        first = json.loads(lines.splitlines()[0])
        self.probed(json.dumps(first | {"first_losses": [2.0, 1.9]}))
        self.assertIn("first_losses are not used", self.warnings)


if __name__ == "__main__":
    support.main()
