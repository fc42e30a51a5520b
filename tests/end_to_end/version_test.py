"""The commit that a program carries is that of the checkout it was built from."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import support

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROJECT = """\
cmake_minimum_required(VERSION 3.25)
project(small VERSION 1.2.3 LANGUAGES CXX)
include(cmake/CapeVersion.cmake)
add_executable(small main.cpp other.cpp)
target_link_libraries(small cape_version)
"""
MAIN = """\
#include <cstdio>
#include "core/version.h"
int main() { std::puts(cape::kGitCommit); }
"""
OTHER = """\
#include "core/version.h"
const char* other() { return cape::kVersion; }
"""


@unittest.skipUnless(shutil.which("git"), "needs git")
class Commit(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cape_version_")
        self.addCleanup(folder.cleanup)
        self.source = pathlib.Path(folder.name) / "source"
        (self.source / "cmake").mkdir(parents=True)
        for file in (ROOT / "cmake").glob("*ersion*"):
            shutil.copy(file, self.source / "cmake")
        shutil.copy(ROOT / "cmake" / "WriteCommit.cmake",
                    self.source / "cmake")
        (self.source / "CMakeLists.txt").write_text(PROJECT)
        (self.source / "main.cpp").write_text(MAIN)
        (self.source / "other.cpp").write_text(OTHER)
        self.built = pathlib.Path(folder.name) / "build"

    def run_there(self, *command):
        return subprocess.run([str(word) for word in command], cwd=self.source,
                              check=True, capture_output=True,
                              text=True).stdout.strip()

    def git(self, *arguments):
        return self.run_there("git", "-c", "user.name=x", "-c",
                              "user.email=x@example.org", *arguments)

    def build(self):
        """What the program says, and when each file was compiled."""
        self.run_there(os.environ["CAPE_CMAKE"], "--build", self.built)
        return (self.run_there(self.built / "small"),
                {path.name: path.stat().st_mtime_ns
                 for path in self.built.rglob("*.cpp.o")})

    def configure(self):
        self.run_there(os.environ["CAPE_CMAKE"], "-S", self.source, "-B",
                       self.built, "-G", "Ninja")

    def test_it_follows_the_checkout_and_nothing_else_is_compiled_again(self):
        self.git("init", "-q")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "first")
        self.configure()
        said, first = self.build()
        self.assertEqual(said, self.git("rev-parse", "--short=12", "HEAD"))
        self.assertEqual(self.build(), (said, first), "nothing has changed")

        self.git("commit", "-q", "--allow-empty", "-m", "second")
        said, second = self.build()
        self.assertEqual(said, self.git("rev-parse", "--short=12", "HEAD"))
        self.assertEqual([name for name in first
                          if first[name] != second[name]], ["commit.cpp.o"])

        with open(self.source / "CMakeLists.txt", "a") as file:
            file.write("# changed\n")
        self.assertTrue(self.build()[0].endswith("-dirty"))

    def test_a_copy_without_git_has_none_though_it_lies_in_a_checkout(self):
        outer = self.source.parent
        subprocess.run(["git", "init", "-q", outer], check=True)
        self.configure()
        self.assertEqual(self.build()[0], "unknown")


if __name__ == "__main__":
    support.main()
