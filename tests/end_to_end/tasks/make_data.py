"""Writes real data for a task into a folder, as x.npy and y.npy:

    make_data.py regression|multilabel|sequence|tokens FOLDER

regression: scikit-learn's diabetes, 442 patients; 10 measurements, and how far
  the disease had come a year later.
multilabel: scikit-learn's digits, 1,797 images of 8 x 8 with values from 0 to
  16; of each digit, whether it is even, at least 5, prime, and drawn with a
  closed loop (0, 6, 8, 9).
sequence: the text of the GNU GPL, version 3, which every Debian has, in pieces
  of 32 characters, one-hot (26 letters, white space, anything else); of each
  character, whether the next one is a vowel, another letter or no letter.
tokens: the texts of four licences, which every Debian has, in pieces of 64
  characters, each its number in ASCII; which licence a piece is from.
"""

import pathlib
import sys

import numpy

LICENCE = pathlib.Path("/usr/share/common-licenses/GPL-3")
LICENCES = ["Apache-2.0", "Artistic", "GPL-3", "MPL-2.0"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
STEPS = 32
TOKENS = 64


def regression():
    from sklearn.datasets import load_diabetes
    return load_diabetes(return_X_y=True)


def multilabel():
    from sklearn.datasets import load_digits
    digits = load_digits()
    kinds = [{0, 2, 4, 6, 8}, {5, 6, 7, 8, 9}, {2, 3, 5, 7}, {0, 6, 8, 9}]
    labels = numpy.array([[digit in kind for kind in kinds]
                          for digit in digits.target])
    return digits.images[:, None].astype("float32"), labels


def symbol(character):
    if character in LETTERS:
        return LETTERS.index(character)
    return 26 if character.isspace() else 27


def kind(character):
    if character not in LETTERS:
        return 2
    return 0 if character in "aeiou" else 1


def sequence():
    text = LICENCE.read_text().lower()
    pieces = (len(text) - 1) // STEPS
    shape = (pieces, STEPS)
    symbols = numpy.array([symbol(c) for c in text[:pieces * STEPS]])
    following = numpy.array([kind(c) for c in text[1:pieces * STEPS + 1]])
    one_hot = numpy.eye(28, dtype="uint8")[symbols]
    return one_hot.reshape(*shape, 28), following.reshape(shape)


def tokens():
    pieces, labels = [], []
    for label, name in enumerate(LICENCES):
        text = (LICENCE.parent / name).read_text(errors="replace")
        text = " ".join(text.encode("ascii", "replace").decode().split())
        for start in range(0, len(text) - TOKENS + 1, TOKENS):
            pieces.append([ord(c) for c in text[start:start + TOKENS]])
            labels.append(label)
    return numpy.array(pieces, dtype="int64"), numpy.array(labels)


if __name__ == "__main__":
    task, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    x, y = {"regression": regression, "multilabel": multilabel,
            "sequence": sequence, "tokens": tokens}[task]()
    numpy.save(folder / "x.npy", x)
    numpy.save(folder / "y.npy", y)
