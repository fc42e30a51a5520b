#!/usr/bin/env python3
"""Makes the seeds that the fuzz targets begin with, small files of each kind.

Usage: make_seeds.py (writes the folders beside itself; Python alone suffices)
"""

import gzip
import io
import json
import pathlib
import shutil
import struct
import tarfile
import zlib

HERE = pathlib.Path(__file__).parent
FIXTURES = HERE.parent.parent / "fixtures"
CONFIGS = HERE.parent.parent.parent / "configs"


def write(target, name, content):
    if isinstance(content, str):
        content = content.encode()
    folder = HERE / target
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)


# Configurations and overrides.

SMALL = """name: small
grid:
  models: [{family: mlp, layers: 2, width: 128}]
  datasets: [mnist]
  learning_rate: 1e-3
  batch_size: [32, 64]
  epsilon: [0.1, 0.2]
"""


def nested_aliases(levels, width):
    lines = ["a0: &a0 [x]"]
    for i in range(levels):
        items = ", ".join([f"*a{i}"] * width)
        lines.append(f"a{i + 1}: &a{i + 1} [{items}]")
    return "\n".join(lines)


def make_configs():
    for path in sorted(CONFIGS.glob("*.yaml")):
        write("config", path.stem, path.read_bytes())
    write("config", "small", SMALL)
    write("config", "overrides",
          SMALL + "\0seed=7\0grid.models=[{family: cnn}]\0workers.per_rank=2")
    write("config", "deep_override", SMALL + "\0" + "a." * 1000 + "a=1")
    write("config", "alias", SMALL.replace("[0.1, 0.2]", "&e [0.1]")
          + "train: {weight_decay: *e}\n")
    write("config", "alias_bomb", nested_aliases(30, 9))
    write("config", "alias_chain", nested_aliases(200, 1))
    write("config", "deep", "[" * 600)
    write("config", "variant", SMALL.replace(
        "[mnist]", "[{name: mnist, variant: {classes: 5, label_noise: 0.2, "
        "scale: 0.5, noise: 0.1, invert: true, lowres: 2}}]"))


# The task protocol.

TASK = {
    "trajectory": "0123456789abcdef0123456789abcdef",
    "architecture": {"family": "mlp", "kind": "mlp", "layers": 3, "width": 128,
                     "batch_norm": False, "activation": "relu",
                     "dropout": 0.3},
    "dataset": {"name": "mnist", "directory": "/data", "fingerprint": "f00d",
                "variant": {"classes": 5, "label_noise": 0.2, "lowres": 2,
                            "invert": True, "scale": 0.5, "noise": 0.1}},
    "learning_rate": 0.001, "batch_size": 32,
    "optimizer": {"kind": "sgd", "momentum": 0.9, "nesterov": True,
                  "weight_decay": 1e-4},
    "target": {"target": "batch_steps", "max_steps": 5000,
               "plateau_window": 200, "plateau_tolerance": 1e-4,
               "record_at_least": 0},
    "criteria": [0.1, 0.2], "seed": 18364758544493064720,
    "probe": {"extended": True}, "timed_steps": None,
}

ARCHITECTURES = {
    "vit": {"family": "transformer", "kind": "vit_tiny"},
    "vgg": {"family": "cnn", "kind": "vgg_lite"},
    "lstm": {"family": "rnn", "kind": "lstm", "layers": 2, "hidden": 128,
             "bidirectional": True},
}

FEATURES = [
    "train_loss_0", "train_mean_gradient2", "train_gradient_l1",
    "train_step_loss_1", "train_step_loss_2", "train_step_loss_4",
    "train_step_loss_8", "probe_dropout", "input_rms", "effective_rank",
    "neighbour_agreement", "constant_inputs", "weight_layers", "widest_layer",
    "convolution_share", "norm_parameters", "recurrent_weights",
    "dropout_rate",
    "set_agreement_100", "set_agreement_400", "set_rank_400"]

RESULT = {
    "trajectory": "ab", "parameters": 1806538,
    "probe": {"g2": 0.3, "tau": None,
              "extended": {"loss": 0.6, "mean_gradient2": 5e-324,
                           "label_entropy": 0.3, "logit_spread": 1.7e308,
                           **dict.fromkeys(FEATURES, 0.7),
                           "neighbour_agreement": None}},
    "initial_loss": 2.3,
    "outcomes": [{"criterion": 0.1, "t_star": 7, "stop_reason": "converged",
                  "steps_run": 7, "final_loss": 0.2}],
    "probe_seconds": 0.1, "step_seconds": 1e-7, "evaluation_seconds": None,
    "device": "cpu", "threads": 1,
}


def line(value):
    return json.dumps(value).encode() + b"\n"


def make_messages():
    write("task", "mlp", line({"task": TASK}))
    for name, architecture in ARCHITECTURES.items():
        write("task", name, line({"task": TASK | {"architecture": architecture}}))
    write("task", "full_training", line({"task": TASK | {"target": {
        "target": "full_training", "max_epochs": 60, "patience": 5,
        "min_delta": 1e-4, "validation_samples": 100, "stop_after": 32,
        "samples": 1000, "split_seed": 7}}}))
    write("task", "deep", b'{"task":' * 1000)
    write("task", "large_numbers",
          line({"task": TASK | {"batch_size": 1e300, "seed": -1e300}}))
    hello = line({"hello": {"protocol": 11, "torch": "2.15.0", "device": "cpu"}})
    failure = line({"failure": {"trajectory": "ab", "kind": "exception",
                                "message": "why"}})
    curve = struct.pack("<2f", 2.5, float("nan"))
    result = line({"result": RESULT, "curve_length": 2,
                   "validation_length": 0}) + curve
    write("trainer_messages", "conversation",
          b"\x80" + hello + result + failure)
    write("trainer_messages", "large_numbers", b"\x40" + line(
        {"result": RESULT | {"parameters": 1e300}, "curve_length": 0,
         "validation_length": 0}))
    write("trainer_messages", "large_curve", b"\x40" + line(
        {"result": RESULT, "curve_length": 1e19, "validation_length": 0}))


# Probes that are handed over.

PROBE = {"learning_rate": 1e-3, "batch_size": 32, "epsilon": [0.1, 0.3],
         "log_p": 12.5, "log_g2": 1.5, "log_tau": -2, "label_entropy": None,
         "task": "multilabel", "classes": 20, "inverted": True,
         "optimizer_json": '{"kind":"sgd","momentum":0.5}',
         "variant": {"label_noise": 0.1}, "architecture": "mine", "t_star": 7,
         "first_losses": [2.5, 1.0, None]}


def make_probes():
    write("probes", "batch", line(PROBE) + b"\n \r\n" + line(PROBE))
    training = {key: PROBE[key] for key in PROBE if key != "epsilon"}
    training |= {"target": "full_training", "samples": 1000,
                 "criterion": "early_stopping", "patience": [3, 5]}
    write("probes", "training", line(training))
    write("probes", "large_numbers", line(
        training | {"samples": 2**63 - 1, "batch_size": 1,
                    "max_epochs": 2**31 - 1}))
    write("probes", "wrong", b'{"epsilon": NaN}\n')
    write("probes", "deep", b'{"variant": ' + b"[" * 1000)


# Published tables and shards.

def make_tables():
    for name in ("published_mlp.csv", "published_cnn.csv"):
        lines = (FIXTURES / name).read_text().splitlines()[:4]
        write("published_csv", name, "\n".join(lines))
    lines = (FIXTURES / "published_mlp.csv").read_text().splitlines()[:2]
    write("published_csv", "quoted",
          '"' + lines[0].replace(",", '","') + '"\r\n' + lines[1])
    table = (FIXTURES / "published_cnn.csv").read_bytes().splitlines()[:2]
    write("published_csv", "not_utf8",
          table[0] + b"\n" + table[1].replace(b"resnet", b"\xc0"))
    head, row = (cells.split(",") for cells in lines)
    row[head.index("logN")] = "1000"
    write("published_csv", "large_log_n", ",".join(head) + "\n" + ",".join(row))
    write("shard_bytes", "unchanged", bytes(64))
    write("shard_bytes", "truncated", b"\x00\x08")
    write("shard_bytes", "superblock", b"\x0d\x00\x00\xff")
    write("shard_table", "plain", b"")
    # What is chosen rarely, in several places.
    write("shard_table", "strange", bytes(range(256)) * 2)


# Data sets.

def idx(kind, shape, values):
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape),
                       *shape) + values


def make_idx():
    def pair(labels, images):
        return struct.pack("<H", len(labels)) + labels + images

    images = idx(8, [2, 28, 28], bytes(i % 251 for i in range(2 * 784)))
    write("idx", "mnist", pair(idx(8, [2], b"\x03\x09"), images))
    write("idx", "qmnist", pair(idx(0xc, [2, 2], bytes(16)), images))
    write("idx", "int16", pair(idx(0xb, [2], b"\0\1\0\2"), images))
    write("idx", "float64", pair(idx(0xe, [1], bytes(8)), images))
    write("idx", "gzip", pair(gzip.compress(idx(9, [2], b"\1\2"), mtime=0),
                              gzip.compress(images, mtime=0)))
    write("idx", "huge", pair(idx(8, [2], b"\1\2"),
                              idx(8, [2**32 - 1] * 6, bytes(9))))
    write("idx", "bomb", pair(gzip.compress(bytes(1 << 16), mtime=0),
                              gzip.compress(bytes(1 << 16), mtime=0)))


def make_hdf5_array():
    own = (FIXTURES / "datasets" / "own.h5").read_bytes()
    for i, name in enumerate(["plain", "big_endian", "packed", "flags"]):
        write("hdf5_array", name, bytes([i]) + own)


def npy(kind, shape, elements, version=1):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}"
    header = header.ljust(117) + "\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return (b"\x93NUMPY" + bytes([version, 0]) + length + header.encode()
            + elements)


def make_npy():
    def own(task, labels, samples):
        return bytes([task]) + struct.pack("<H", len(labels)) + labels + samples

    vectors = npy("<f4", (2, 3), struct.pack("<6f", *range(6)))
    steps = npy("<f8", (2, 2, 1), struct.pack("<4d", *range(4)))
    images = npy("|u1", (2, 1, 2, 2), bytes(range(8)), version=2)
    write("npy", "classification",
          own(0, npy("<i8", (2,), struct.pack("<2q", 0, 1)), images))
    write("npy", "regression",
          own(1, npy("<f4", (2,), struct.pack("<2f", 0.5, -1)), vectors))
    write("npy", "sequence", own(2, npy("<i2", (2, 2), bytes(8)), steps))
    write("npy", "multilabel",
          own(3, npy("|b1", (2, 2), b"\1\0\0\1"), vectors))
    write("npy", "huge", own(0, npy("<i8", (2**62, 4), bytes(16)), vectors))
    files = FIXTURES / "datasets" / "own"
    labels = npy("<i8", (4,), struct.pack("<4q", 3, 7, 9, 3))
    for name, file in (("npz", "one.npz"), ("columns", "columns.npy")):
        write("npy", name, own(0, labels, (files / file).read_bytes()))
    one_hot = npy("|u1", (2, 2), b"\0\1\1\0")
    write("npy", "nhwc", own(4 * 9, gzip.compress(one_hot, mtime=0), images))
    write("npy", "nan", own(1, npy("<f4", (2,), b"\0\0\xc0\x7f" * 2), vectors))


PIXELS = bytes(i % 249 for i in range(3072))


def pickled(key, shape, pixels):
    """As Python 2 pickled a batch of CIFAR, with one label."""
    def text(value):
        return b"U" + bytes([len(value)]) + value

    def pair(a, b):
        return b"K" + bytes([a]) + b"M" + struct.pack("<H", b) + b"\x86"

    array = (b"cnumpy.core.multiarray\n_reconstruct\nq\x01"
             b"cnumpy\nndarray\nq\x02K\x00\x85" + text(b"b") + b"\x87R"
             b"(K\x01" + pair(*shape)
             + b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R"
             b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
             b"K\x00tb\x89T" + struct.pack("<I", len(pixels)) + pixels + b"tb")
    return (b"\x80\x02}q\x00(" + text(b"data") + array
            + text(key) + b"]K\x03a" + text(b"batch_label")
            + text(b"training batch 1 of 5") + b"u.")


def make_cifar():
    write("cifar_binary", "cifar10", b"\x03" + PIXELS)
    write("cifar_binary", "cifar100", b"\x03\x45" + PIXELS)
    write("cifar_binary", "two", (b"\x03" + PIXELS) * 2)
    write("pickle", "cifar10", pickled(b"labels", (1, 3072), PIXELS))
    write("pickle", "cifar100", pickled(b"fine_labels", (1, 3072), PIXELS))
    write("pickle", "call", b"\x80\x02cos\nsystem\nU\x04true\x85R.")
    write("pickle", "small", pickled(b"labels", (2, 2), b"1234"))


def element(kind, content):
    padding = b"" if kind == 15 else bytes(-len(content) % 8)
    return struct.pack("<II", kind, len(content)) + content + padding


def matrix(name, shape, values):
    return element(14, element(6, struct.pack("<II", 9, 0))
                   + element(5, struct.pack(f"<{len(shape)}i", *shape))
                   + element(1, name) + element(2, values))


def make_mat():
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    x = matrix(b"X", (32, 32, 3, 1), PIXELS)
    y = matrix(b"y", (1, 1), b"\x0a")
    small = struct.pack("<HH4s", 1, 1, b"X") + struct.pack("<HH4s", 2, 2, b"ab")
    write("mat5", "plain", header + x + y)
    write("mat5", "compressed", header + element(15, zlib.compress(x))
          + element(15, zlib.compress(y)))
    write("mat5", "small", header + element(
        14, element(6, struct.pack("<II", 9, 0))
        + element(5, struct.pack("<ii", 2, 1)) + small))
    write("mat5", "bomb", header + element(15, zlib.compress(bytes(1 << 21))))


def tar(members, form=tarfile.USTAR_FORMAT):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content or b""))
    # Without what fills it up to 10 kB behind the blocks that end it.
    length = archive.offset + -archive.offset % 512
    return buffer.getvalue()[:length]


def make_archives():
    def tar_of(name, content, form=tarfile.USTAR_FORMAT):
        return tar([(name, content)], form)

    batch = pickled(b"labels", (1, 3072), PIXELS)
    write("archive", "cifar10",
          tar_of("cifar-10-batches-py/data_batch_1", batch))
    write("archive", "gzip", gzip.compress(tar_of("a/b", b"text"), mtime=0))
    write("archive", "pax", tar_of("a" * 300, b"text", tarfile.PAX_FORMAT))
    write("archive", "gnu", tar_of("a" * 300, b"text", tarfile.GNU_FORMAT))
    write("archive", "traversal", tar_of("../../etc/x", b"text"))
    write("archive", "absolute", tar_of("/etc/x", b"text"))
    write("archive", "link", tar_of("data_batch_1", None))
    reviews = tar([("aclImdb/train/pos/0_9.txt", b"It's good, good!<br />"),
                   ("aclImdb/train/neg/1_2.txt", b"Bad."),
                   ("aclImdb/train/unsup/2_0.txt", b"What?")])
    write("imdb", "reviews", reviews)
    write("imdb", "gzip", gzip.compress(reviews, mtime=0))
    write("imdb", "wrong_rating", tar_of("aclImdb/train/pos/0_2.txt", b"bad"))
    write("imdb", "long", gzip.compress(
        tar_of("aclImdb/train/pos/0_9.txt", b"a " * 32767), mtime=0))


if __name__ == "__main__":
    for folder in HERE.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    make_configs()
    make_messages()
    make_probes()
    make_tables()
    make_idx()
    make_npy()
    make_hdf5_array()
    make_cifar()
    make_mat()
    make_archives()
