"""Packages of Debian and PyPI as folders of files: downloaded once, installed
never."""

import bz2
import fnmatch
import io
import lzma
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile
import zlib


class PackageError(Exception):
    """Names the package and says what to do."""


class Package:
    """The files of one package, by their names below its root."""

    def __init__(self, spec, cache):
        """spec: deb:NAME=VERSION or pypi:NAME=VERSION; cache: a folder that
        keeps what was downloaded."""
        self.spec = spec
        registry, rest = spec.split(":", 1)
        self.name, self.version = rest.split("=", 1)
        self.path = {"deb": self._fetch_deb, "pypi": self._fetch_wheel}[
            registry](cache / registry)
        self._files = (self._deb_files() if registry == "deb"
                       else self._wheel_files())

    def names(self, pattern):
        """The sorted names of all files that match (as in a shell)."""
        return sorted(fnmatch.filter(self._files, pattern))

    def read(self, name):
        """The bytes of a file."""
        if name not in self._files:
            raise PackageError(
                f"{self.spec} ({self.path}) has no file {name}; another "
                "version of the package may have moved it")
        return self._files[name]()

    def rda(self, name):
        """An object of an R package, as pandas and NumPy have it: from
        data/NAME.rda, or from R's database of all objects (Rdata.rdb)."""
        # The folder has the name of the package with its capital letters.
        folders = {"/".join(file.split("/")[:5])
                   for file in self.names("usr/lib/R/site-library/*/data/*")}
        if len(folders) != 1:
            raise PackageError(f"{self.spec} ({self.path}) has {len(folders)} "
                               "folders of data of an R package, not one")
        folder, = folders
        file = f"{folder}/data/{name}.rda"
        if file in self._files:
            return _parse_r(self.read(file))[name]
        index = _parse_r(self.read(f"{folder}/data/Rdata.rdx"))["variables"]
        if name not in index:
            raise PackageError(
                f"{self.spec} ({self.path}) has no data set {name}; another "
                "version of the package may have removed it")
        start, length = index[name]
        database = self.read(f"{folder}/data/Rdata.rdb")
        return _parse_r(_unpack_r(database[start:start + length]))

    def _fetch_deb(self, cache):
        # apt-get writes a colon of a version as %3a.
        version = self.version.replace(":", "%3a")
        found = sorted(cache.glob(f"{self.name}_{version}_*.deb"))
        if not found:
            self._download(cache, "*.deb", [
                ["apt-get", "download", "-q", f"{self.name}={self.version}"],
                # A mirror has one version only; the check of the arrays says
                # whether the data are the same.
                ["apt-get", "download", "-q", self.name],
            ], "run 'apt-get update' as root and try again; it needs Debian "
               "and a mirror with this package")
            found = sorted(cache.glob(f"{self.name}_{version}_*.deb"))
        found = found or sorted(cache.glob(f"{self.name}_*.deb"))
        return found[-1]

    def _fetch_wheel(self, cache):
        stem = self.name.replace("-", "_")
        pattern = f"[{stem[0].lower()}{stem[0].upper()}]{stem[1:]}-" \
                  f"{self.version}-*.whl"
        found = sorted(cache.glob(pattern))
        if not found:
            self._download(cache, "*.whl", [[
                sys.executable, "-m", "pip", "download", "--quiet",
                "--disable-pip-version-check", "--no-cache-dir", "--no-deps",
                "--only-binary=:all:", "--dest", ".",
                f"{self.name}=={self.version}"]],
                "try again; pip needs access to PyPI or a mirror of it")
            found = sorted(cache.glob(pattern))
        return found[-1]

    def _download(self, cache, pattern, commands, advice):
        """Runs the first command that succeeds in a folder of its own, then
        moves what it downloaded, whole, into the cache."""
        cache.mkdir(parents=True, exist_ok=True)
        said = []
        for command in commands:
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                try:
                    run = subprocess.run(command, cwd=folder, text=True,
                                         capture_output=True)
                except FileNotFoundError as error:
                    raise PackageError(
                        f"{self.spec} needs the program {command[0]}, which "
                        "is not on this machine") from error
                files = list(pathlib.Path(folder).glob(pattern))
                if run.returncode == 0 and files:
                    for file in files:
                        file.rename(cache / file.name)
                    return
                said += run.stderr.strip().splitlines()[-1:]
        raise PackageError(f"cannot download {self.spec}: {advice}\n"
                           + "\n".join(said))

    def _deb_files(self):
        unpacked = subprocess.run(["dpkg-deb", "--fsys-tarfile", self.path],
                                  capture_output=True)
        if unpacked.returncode != 0:
            raise PackageError(f"{self.path} of {self.spec} is damaged; "
                               "remove it and try again")
        archive = tarfile.open(fileobj=io.BytesIO(unpacked.stdout))
        return {member.name.removeprefix("./"):
                lambda member=member: archive.extractfile(member).read()
                for member in archive if member.isfile()}

    def _wheel_files(self):
        try:
            archive = zipfile.ZipFile(self.path)
        except zipfile.BadZipFile as error:
            raise PackageError(f"{self.path} of {self.spec} is damaged; "
                               "remove it and try again") from error
        return {name: lambda name=name: archive.read(name)
                for name in archive.namelist()}


def _parse_r(data):
    import rdata

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about classes that R has no need of
        return rdata.conversion.convert(rdata.parser.parse_data(data))


def _unpack_r(entry):
    """An entry of R's database: its size, the kind of compression, the data."""
    kind, packed = entry[4:5], entry[5:]
    if kind == b"2":
        return bz2.decompress(packed)
    if kind == b"Z":
        return lzma.decompress(packed, format=lzma.FORMAT_RAW,
                               filters=[{"id": lzma.FILTER_LZMA2}])
    return zlib.decompress(entry[4:])
