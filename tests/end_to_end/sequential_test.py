"""Networks as lists of layers: those of the document, and drawn ones."""

import csv
import io
import json
import pathlib
import re

import support
from support import FarmTest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "configuration.md"
AXES = """\
  datasets: [mnist]
  learning_rate: [1e-3]
  batch_size: [16]
  epsilon: [0.5, 0.7]
train:
  max_steps: 20
"""
DRAWN = """\
name: drawn
grid:
  models:
    - {family: sequential, sample: diverse}
  datasets: [mnist]
  optimizer: [adamw, {kind: sgd, learning_rate: {log_uniform: [0.01, 0.3]}}]
  learning_rate: {log_uniform: [2.5e-4, 8e-3]}
  batch_size: {choice: [8, 16]}
  epsilon: [0.5, 0.7]
  trials: 12
train:
  max_steps: 20
"""


def documented():
    """One configuration of all entries of grid.models below the heading."""
    section = re.search(r"\n## Lists of layers\n(.*?)\n## ", PAGE.read_text(),
                        re.DOTALL)[1]
    blocks = re.findall(r"```yaml\ngrid:\n  models:\n(.*?)```", section,
                        re.DOTALL)
    assert len(blocks) == 5
    return "name: documented\ngrid:\n  models:\n" + "".join(blocks) + AXES


class Sequential(FarmTest):
    trainer = "cape_trainer"
    config_text = DRAWN

    def rows(self):
        return list(csv.DictReader(io.StringIO(self.csv().decode())))

    def test_the_documents_networks_run(self):
        config = self.write_config(documented(), "documented.yaml")
        self.farm(config=config, says=["rows       10 new", "failed     0"])
        names = {row["architecture"] for row in self.rows()}
        self.assertEqual(names, {"lenet", "two_hidden_layers", "little_resnet",
                                 "little_transformer", "little_gru"})

    def test_drawn_networks_are_the_same_on_any_number_of_ranks(self):
        self.farm(ranks=2, says="failed     0")
        self.expect_same_table()
        rows = self.rows()
        self.assertEqual(len(rows), 48)
        self.assertGreater(len({row["architecture"] for row in rows}), 20)
        self.assertEqual({row["batch_size"] for row in rows}, {"8", "16"})
        for row in rows:
            low, high = ((0.01, 0.3) if row["optimizer"] == "sgd"
                         else (2.5e-4, 8e-3))
            self.assertTrue(low <= float(row["learning_rate"]) <= high)
            description = json.loads(row["architecture_json"])
            self.assertEqual(description["name"], row["architecture"])
            self.assertTrue(description["layers"])


if __name__ == "__main__":
    support.main()
