"""What cmake --install puts somewhere works after it was moved, from anywhere."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import support
from support import BIN, CONFIG, FarmTest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSION = re.search(r"project\(cape_farm VERSION ([0-9.]+)",
                    (ROOT / "CMakeLists.txt").read_text())[1]
PROGRAMS = ["cape_farm", "cape_fit", "cape_predict"]


class Installed(FarmTest):
    config_text = CONFIG.replace("trials: 5", "trials: 13")  # 52 trajectories

    @classmethod
    def setUpClass(cls):
        cls.place = pathlib.Path(
            cls.enterClassContext(tempfile.TemporaryDirectory()))
        subprocess.run([os.environ["CAPE_CMAKE"], "--install", BIN.parent,
                        "--prefix", cls.place / "first"],
                       check=True, capture_output=True)
        cls.prefix = cls.place / "moved to"
        (cls.place / "first").rename(cls.prefix)

    def run_installed(self, name, *arguments, code=0, says=()):
        """Runs a program in the test's own folder; what it printed on standard
        output."""
        command = [self.prefix / "bin" / name, *arguments]
        done = subprocess.run([str(argument) for argument in command],
                              cwd=self.folder, env=self.environment(),
                              capture_output=True, text=True)
        self.expect(done.returncode, done.stdout + done.stderr, code, says)
        return done.stdout

    def trainer_options(self):
        """The installed trainer, where there is one."""
        if (self.prefix / "bin" / "cape_trainer").exists():
            return []
        return ["--trainer", BIN / "fake_trainer"]

    def test_a_farm_a_fit_and_a_prediction(self):
        trainer = self.trainer_options()
        self.run_installed("cape_farm", "small.yaml", "--data-dir", "data",
                           *trainer, says="156 of 156 in all")
        self.run_installed("cape_fit", "runs/small", says="model/report.html")
        shard, = (self.folder / "runs" / "small").glob("*.h5")
        self.assertIn(f"cape_farm {VERSION}".encode(), shard.read_bytes())
        model = json.loads((self.folder / "model" / "cape.json").read_text())
        self.assertEqual(model["program"], f"cape_fit {VERSION}")

        question = ["small.yaml", "--data-dir", "data", *trainer, "--json"]
        named = self.run_installed("cape_predict", *question, "--model", "model")

        default = self.prefix / "share" / "cape-farm" / "model"
        if default.exists():
            self.run_installed("cape_predict", *question)
            shutil.rmtree(default)
        self.run_installed("cape_predict", *question, code=2,
                           says=["no default model", str(default)])
        shutil.copytree(self.folder / "model", default / "batch_steps")
        unnamed = self.run_installed("cape_predict", *question)
        self.assertEqual(*([one["t_star"] for one in
                            json.loads(printed)["predictions"]]
                           for printed in (named, unnamed)))

    def test_the_installed_configurations_are_found_by_their_paths(self):
        configs = self.prefix / "share" / "cape-farm" / "configs"
        for name in ("mlp", "metadataset/mlp_variants", "published/cnn"):
            self.run_installed("cape_farm", configs / f"{name}.yaml",
                               "--print-config", says="trials:")

    def test_the_python_package_is_there_for_pip(self):
        package = self.prefix / "share" / "cape-farm" / "python"
        project = (package / "pyproject.toml").read_text()
        self.assertIn(f'\nversion = "{VERSION}"\n', project)
        self.assertTrue((package / "cape" / "__init__.py").exists())
        self.assertEqual([path.name for path in package.rglob("*")
                          if path.name in ("tests", "__pycache__")], [])

    def test_everything_carries_one_version(self):
        for program in (self.prefix / "bin").iterdir():
            self.run_installed(program.name, "--version",
                               says=f"{program.name} {VERSION} (")
        documents = self.prefix / "share" / "doc" / "cape-farm"
        self.assertIn(f"\n## [{VERSION}]",
                      (documents / "CHANGELOG.md").read_text())
        self.assertIn(f"\nversion: {VERSION}\n",
                      (documents / "CITATION.cff").read_text())

    def test_documents_link_to_what_is_installed(self):
        documents = self.prefix / "share" / "doc" / "cape-farm"
        pages = list(self.prefix.rglob("*.md"))
        self.assertGreater(len(pages), 8)
        self.assertIn(documents / "data" / "README.md", pages)
        for page in pages:
            for link in re.findall(r"\]\(([^)#:]+)[#)]", page.read_text()):
                self.assertTrue((page.parent / link).exists(),
                                f"{page}: {link}")

    def test_slurm_scripts_find_the_programs(self):
        submit = self.prefix / "share" / "cape-farm" / "slurm" / "submit.sh"
        done = subprocess.run([submit, "none.yaml"], cwd=self.folder,
                              env=self.environment(), capture_output=True,
                              text=True)
        self.expect(done.returncode, done.stderr, 2,
                    "cape_farm: error: cannot read none.yaml")

    def completed(self, name, *words):
        """What bash completes the last of the words to."""
        completions = self.prefix / "share" / "bash-completion" / "completions"
        script = ('source "$1"; complete -p "$2" >/dev/null || exit 1; '
                  '_cape "$3" "${@: -1}" "${@: -2:1}"; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(
            ["bash", "-c", script, "bash", completions / name, name,
             self.prefix / "bin" / name, *words],
            capture_output=True, text=True, check=True)
        return done.stdout.split()

    def test_every_option_is_completed(self):
        for name in PROGRAMS:
            options = re.findall(r"^ +(?:-h, *)?(--[\w-]+)",
                                 self.run_installed(name, "--help"), re.M)
            self.assertIn("--version", options)
            self.assertCountEqual(self.completed(name, name, "--"), options)

    def test_values_are_completed_to_what_the_program_takes(self):
        for name, option in [("cape_farm", "--device"),
                             ("cape_farm", "--progress"),
                             ("cape_predict", "--sort"),
                             ("cape_fit", "--features"),
                             ("cape_fit", "--censored")]:
            values = self.completed(name, option, "")
            self.assertGreaterEqual(len(values), 2)
            text = self.run_installed(name, "--help")
            for value in values:
                self.assertRegex(text, rf"\b{value}\b")


if __name__ == "__main__":
    support.main()
