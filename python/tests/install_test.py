"""pip installs the package from this folder, and what it installs finds the
programs and works from anywhere."""

import ast
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import unittest

import support

#: The oldest Python that the package is for.
OLDEST = re.search(r'requires-python = ">=([0-9.]+)"',
                   (support.ROOT / "python" / "pyproject.toml").read_text()
                   ).group(1)

EXAMPLE = """\
import cape, torch
print(cape.__file__)
net = torch.nn.Linear(4, 3)
x, y = torch.randn(8, 4), torch.arange(8) % 3
row, = cape.predict(net, x, y, learning_rate=1e-2, frame=False)
print("steps", row["t_star"])
"""


class Versions(unittest.TestCase):
    SOURCES = [*sorted((support.ROOT / "python").glob("*.py")),
               *sorted((support.ROOT / "python" / "cape").glob("*.py"))]

    def test_every_file_can_be_read_by_the_oldest_python(self):
        self.assertEqual(OLDEST, "3.10")
        version = tuple(map(int, OLDEST.split(".")))
        for file in self.SOURCES:
            ast.parse(file.read_text(encoding="utf-8"), str(file),
                      feature_version=version)

    @unittest.skipUnless(support.has("vermin"), "vermin is not installed")
    def test_the_package_uses_nothing_that_the_oldest_python_lacks(self):
        done = subprocess.run(
            [sys.executable, "-c", "import vermin; raise SystemExit("
             "vermin.main())", f"-t={OLDEST}-", "--violations", "--no-tips",
             *map(str, self.SOURCES)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Minimum required versions: 3.", done.stdout)


@support.needs_torch
@unittest.skipUnless(support.has("hatchling"), "hatchling is not installed")
class Installed(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.python = self.folder / "venv" / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", self.folder / "venv"],
                       check=True)
        packages, = (self.folder / "venv" / "lib").glob(
            "python3*/site-packages")
        # What is installed here already, PyTorch above all.
        (packages / "here.pth").write_text(
            "\n".join([sysconfig.get_path("purelib"),
                       *(path for path in sys.path
                         if path.endswith("site-packages"))]))
        self.environment = {key: value for key, value in os.environ.items()
                            if key not in ("CAPE_BIN", "PYTHONPATH")}

    def install(self, package):
        subprocess.run([self.python, "-m", "pip", "install", "--quiet",
                        "--no-deps", "--no-build-isolation",
                        "--disable-pip-version-check", package],
                       check=True, env=self.environment)

    def run_python(self, code):
        done = subprocess.run([self.python, "-c", code], cwd=self.folder,
                              env=self.environment, capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    @support.needs_program("cape_predict")
    def test_a_fresh_environment_finds_the_programs_of_the_clone(self):
        self.install(support.ROOT / "python")
        build = support.ROOT / "build" / "release" / "bin"
        if not (build / "cape_predict").exists():
            self.environment["CAPE_BIN"] = str(
                support.find_program("cape_predict").parent)
        where, steps = self.run_python(EXAMPLE)
        self.assertIn(str(self.folder), where)
        self.assertGreaterEqual(float(steps.removeprefix("steps ")), 1)

    def test_of_an_installed_tree_it_finds_the_programs_there(self):
        package = self.folder / "usr" / "share" / "cape-farm" / "python"
        shutil.copytree(support.ROOT / "python", package,
                        ignore=shutil.ignore_patterns("tests", "__pycache__"))
        program = self.folder / "usr" / "bin" / "cape_predict"
        program.parent.mkdir()
        program.touch(0o755)
        self.install(package)
        found, = self.run_python("from cape.programs import find_program\n"
                                 "print(find_program('cape_predict'))")
        self.assertEqual(pathlib.Path(found), program.resolve())


if __name__ == "__main__":
    unittest.main()
