"""scripts/fetch_datasets.sh against a server on this machine, with made-up
files. CAPE_BIN: where cape_farm is."""

import functools
import hashlib
import http.server
import io
import os
import pathlib
import subprocess
import tarfile
import tempfile
import threading
import unittest
import zipfile

HERE = pathlib.Path(__file__).parent
SCRIPT = HERE.parents[1] / "scripts" / "fetch_datasets.sh"
OFFICIAL = HERE.parent / "fixtures" / "datasets" / "official"
FARM = pathlib.Path(os.environ["CAPE_BIN"]) / "cape_farm"


class Handler(http.server.SimpleHTTPRequestHandler):
    requests = []

    def log_message(self, *_):
        Handler.requests.append(self.path)


def cifar_archive():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        member = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
        member.size = 3073
        tar.addfile(member, io.BytesIO(bytes(3073)))
    return file.getvalue()


def emnist_zip():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted((OFFICIAL / "EMNIST/raw").glob("*.gz")):
            archive.write(path, f"gzip/{path.name}")
    return file.getvalue()


class FetchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.served = pathlib.Path(folder.name) / "served"
        self.data = pathlib.Path(folder.name) / "data"
        self.table = pathlib.Path(folder.name) / "table.txt"
        self.served.mkdir()
        self.table.write_text("# made up\n\n")
        Handler.requests.clear()
        handler = functools.partial(Handler, directory=str(self.served))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def serve(self, name, file, data, md5=None):
        """Puts `data` onto the server and into the table."""
        served = file.replace("/", "_")
        (self.served / served).write_bytes(data)
        md5 = md5 or hashlib.md5(data).hexdigest()
        address = f"http://127.0.0.1:{self.server.server_port}/{served}"
        with self.table.open("a") as table:
            table.write(f"{name} {md5} {file} {address}\n")

    def fetch(self, *names, code=0):
        environment = {**os.environ, "no_proxy": "127.0.0.1"}
        environment.pop("CAPE_DATA", None)
        run = subprocess.run(
            [SCRIPT, "--table", self.table, "--data-dir", self.data, *names],
            capture_output=True, text=True, env=environment)
        self.assertEqual(run.returncode, code, run.stdout + run.stderr)
        return run.stdout + run.stderr

    def listed(self):
        self.data.mkdir(exist_ok=True)
        run = subprocess.run([FARM, "--list-datasets", "--data-dir", self.data],
                             capture_output=True, text=True, check=True)
        lines = [line.split(maxsplit=1) for line in run.stdout.splitlines()]
        return dict(line for line in lines if len(line) == 2)

    def test_what_it_fetches_is_what_cape_farm_finds(self):
        self.serve("cifar10", "cifar-10-binary.tar.gz", cifar_archive())
        self.serve("emnist", "EMNIST/gzip.zip", emnist_zip())
        self.serve("imdb", "aclImdb_v1.tar.gz",
                   (OFFICIAL / "aclImdb_v1.tar.gz").read_bytes())
        self.serve("svhn", "SVHN/train_32x32.mat",
                   (OFFICIAL / "train_32x32.mat").read_bytes())
        for file in ("images-idx3-ubyte", "labels-idx2-int"):
            path = f"QMNIST/raw/qmnist-train-{file}.gz"
            self.serve("qmnist", path, (OFFICIAL / path).read_bytes())
        self.fetch("all")
        listed = self.listed()
        for name, start in [
                ("cifar10", "1 samples, 10 classes"),
                ("emnist_letters", "3 samples, 26 classes"),
                ("imdb", "3 samples, 2 classes"),
                ("qmnist", "3 samples, 10 classes"),
                ("svhn", "3 samples, 10 classes")]:
            self.assertTrue(listed[name].startswith(start), listed[name])
        self.assertTrue(listed["cifar10"].endswith("/cifar-10-batches-bin"))
        self.assertTrue(listed["svhn"].endswith("/SVHN/unpacked"))
        self.assertTrue(
            (self.data / "EMNIST/gzip/emnist-letters-train-labels-idx1-ubyte")
            .exists())

    def test_it_fetches_what_is_asked_for_and_only_once(self):
        self.serve("one", "folder/one.data", b"one")
        self.serve("other", "other.data", b"two")
        self.fetch("one")
        self.assertEqual(len(Handler.requests), 1)
        self.assertIn("is there", self.fetch("one"))
        self.assertEqual(len(Handler.requests), 1)
        (self.data / "folder/one.data").write_bytes(b"damaged")
        self.fetch("one")
        self.assertEqual((self.data / "folder/one.data").read_bytes(), b"one")
        self.assertFalse((self.data / "other.data").exists())

    def test_another_file_at_the_address_is_refused(self):
        self.serve("svhn", "train_32x32.mat", b"other", md5="0" * 32)
        output = self.fetch("svhn", code=2)
        self.assertIn(hashlib.md5(b"other").hexdigest(), output)
        self.assertIn("expected " + "0" * 32, output)
        self.assertEqual(list(self.data.iterdir()), [])

    def test_a_file_that_is_not_there_is_an_error(self):
        self.serve("svhn", "train_32x32.mat", b"one")
        (self.served / "train_32x32.mat").unlink()
        self.assertIn("cannot download http://127.0.0.1",
                      self.fetch("svhn", code=2))

    def test_an_unknown_name_is_refused_before_anything_is_fetched(self):
        self.serve("svhn", "train_32x32.mat", b"one")
        self.assertIn("unknown data set 'svnh'; known are svhn",
                      self.fetch("svhn", "svnh", code=2))
        self.assertEqual(Handler.requests, [])

    def test_the_official_table_names_every_data_set(self):
        table = SCRIPT.with_name("datasets.txt").read_text()
        rows = [line.split() for line in table.splitlines()
                if not line.startswith("#")]
        for name, md5, file, address in rows:
            self.assertRegex(md5, "^[0-9a-f]{32}$")
            self.assertRegex(address, "^https?://")
            self.assertEqual(address.split("/")[-1], file.split("/")[-1])
        names = {row[0] for row in rows}
        for name in self.listed():
            if name != "looked":
                shared = "emnist" in name or name.startswith("imdb")
                self.assertIn(name.split("_")[0] if shared else name, names)


unittest.main()
