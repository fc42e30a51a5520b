"""Writes into the package from which folder it was installed, so that it finds
the programs of the clone or of the installed tree that this folder is in."""

import pathlib
import tempfile

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Origin(BuildHookInterface):
    def initialize(self, version, build_data):
        self._folder = tempfile.TemporaryDirectory()
        file = pathlib.Path(self._folder.name) / "_origin.py"
        file.write_text(f"ORIGIN = {str(pathlib.Path(self.root).resolve())!r}\n")
        # An editable installation is found by its own path.
        if version != "editable":
            build_data["force_include"][str(file)] = "cape/_origin.py"

    def finalize(self, version, build_data, artifact_path):
        self._folder.cleanup()
