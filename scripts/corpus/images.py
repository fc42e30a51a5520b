"""Data sets of images: x uint8 [N, C, H, W]."""

import gzip
import io
import re

import nibabel
import numpy
from PIL import Image, ImageFont, ImageDraw

from . import arrays


def digits(packages):
    """Which of ten digits somebody wrote, in 8 x 8 pixels."""
    table = numpy.loadtxt(io.BytesIO(gzip.decompress(
        packages["scikit-learn"].read("sklearn/datasets/data/digits.csv.gz"))),
        delimiter=",")
    x = numpy.minimum(table[:, :-1] * 16, 255).astype(numpy.uint8)
    return x.reshape(-1, 1, 8, 8), table[:, -1].astype(numpy.int64)


def icons(packages):
    """What an icon of a desktop stands for: an action, a program, a device,
    and so on."""
    package = packages["gnome-icon-theme"]
    kinds = ("actions", "apps", "categories", "devices", "emotes", "mimetypes",
             "places", "status")
    labelled = []
    for number, kind in enumerate(kinds):
        names = [name for size in ("32x32", "48x48") for name in package.names(
            f"usr/share/icons/gnome/{size}/{kind}/*.png")]
        for name in names:
            image = Image.open(io.BytesIO(package.read(name))).convert("RGBA")
            if image.size != (32, 32):
                image = image.resize((32, 32), Image.Resampling.BILINEAR)
            labelled.append((_on_white(image), number))
    return _without_repeats(labelled)


def pictures(packages):
    """Which of eight photographs a patch of 24 x 24 grey pixels is from."""
    rng = numpy.random.default_rng(1)
    x, y = _labelled_patches(rng, _photographs(packages), 500, 24)
    return x[:, None], y


def blur(packages):
    """How much a patch of a photograph is blurred: the width of the filter."""
    rng = numpy.random.default_rng(2)
    x, y = [], []
    for picture in _photographs(packages):
        for patch in _patches(rng, picture, 400, 48):
            width = rng.uniform(0.3, 4)
            x.append(_blurred(patch, width)[12:36, 12:36])
            y.append(width)
    return (numpy.round(numpy.stack(x), 2).round().astype(numpy.uint8)[:, None],
            arrays.rounded(y))


def earth(packages):
    """How far from the equator a spot of the earth is, from a picture that
    satellites took of it."""
    rng = numpy.random.default_rng(3)
    image = Image.open(io.BytesIO(packages["xplanet-images"].read(
        "usr/share/xplanet/images/earth.jpg"))).convert("RGB")
    # One pixel for two of the picture: a patch is then wide enough to show
    # what grows there.
    picture = numpy.asarray(image.reduce(2)).transpose(2, 0, 1)
    rows = rng.integers(0, picture.shape[1] - 32, 4000)
    columns = rng.integers(0, picture.shape[2] - 32, 4000)
    x = numpy.stack([picture[:, row:row + 32, column:column + 32]
                     for row, column in zip(rows, columns)])
    return x, arrays.rounded(
        numpy.abs(90 - (rows + 16) / picture.shape[1] * 180))


def scenes(packages):
    """Which of eight photographs a patch of 24 x 24 pixels in colour is
    from."""
    rng = numpy.random.default_rng(4)
    files = [packages["scikit-image"].read(f"skimage/data/{name}")
             for name in ("astronaut.png", "chelsea.png", "coffee.png",
                          "hubble_deep_field.jpg", "ihc.png",
                          "motorcycle_left.png")]
    files += [packages["scikit-learn"].read(f"sklearn/datasets/images/{name}")
              for name in ("china.jpg", "flower.jpg")]
    return _colour_patches(rng, files, 500, 24)


def surfaces(packages):
    """Which of twelve surfaces a patch is from, such as rock, sand or clouds,
    as a game paints them."""
    rng = numpy.random.default_rng(5)
    folder = "usr/share/games/colobot/textures"
    files = [packages["colobot-common-textures"].read(f"{folder}/{name}.png")
             for name in ("chili01", "cloud02", "cloud09", "desert4", "desert6",
                          "green01", "green02", "mix01", "moon103", "roca2",
                          "rocb2", "water16")]
    return _colour_patches(rng, files, 400, 20)


def sprites(packages):
    """What a small picture of a game shows: a monster, a wall, a weapon, and so
    on."""
    kinds = ("armour", "connect", "construct", "floor", "ground", "misc",
             "monster", "player", "road", "spell", "wall", "weapon")
    file = packages["crossfire-client-images"].read(
        "usr/share/games/crossfire-client/crossfire.base")
    labelled = []
    for size, name, start in ((int(found[1]), found[2].decode(), found.end())
                              for found in re.finditer(
                                  rb"IMAGE (\d+) \./arch/(\w+)/\S+\n", file)):
        if name not in kinds:
            continue
        image = Image.open(io.BytesIO(file[start:start + size]))
        labelled.append((_on_white(image.convert("RGBA").resize(
            (24, 24), Image.Resampling.BOX)), kinds.index(name)))
    return _without_repeats(labelled)


def head(packages):
    """How high a patch of a horizontal cut through a head is, from a scan by
    magnetic resonance."""
    rng = numpy.random.default_rng(6)
    file = gzip.decompress(packages["mricron-data"].read(
        "usr/share/mricron/templates/ch2.nii.gz"))
    volume = nibabel.Nifti1Image.from_bytes(file).get_fdata()
    # Millimetres; a pixel of a patch is two of them wide.
    volume = volume[:180, :216, :180].reshape(90, 2, 108, 2, 180).mean(
        axis=(1, 3)).round().astype(numpy.uint8)
    x, y = [], []
    while len(x) < 4000:
        row, column, height = rng.integers(0, (90 - 24, 108 - 24, 180))
        patch = volume[row:row + 24, column:column + 24, height]
        if numpy.mean(patch > 20) > 0.3:  # not the air around the head
            x.append(patch)
            y.append(height)
    return numpy.stack(x)[:, None], arrays.rounded(y)


def emoji(packages):
    """Which of the twenty most frequent keywords an emoji has."""
    keywords = _emoji_keywords(packages["unicode-cldr-core"].read(
        "usr/share/unicode/cldr/common/annotations/en.xml").decode())
    font = ImageFont.truetype(io.BytesIO(packages[
        "fonts-noto-color-emoji"].read(
        "usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")), 109)
    x, words = [], []
    for sign, its_words in sorted(keywords.items()):
        image = Image.new("RGBA", (136, 128))
        ImageDraw.Draw(image).text((0, 0), sign, font=font,
                                   embedded_color=True)
        if image.getbbox():
            x.append(_on_white(image.resize((32, 32), Image.Resampling.BOX)))
            words.append(its_words)
    counts = {}
    for word in (word for its_words in words for word in its_words):
        counts[word] = counts.get(word, 0) + 1
    most = sorted(counts, key=lambda word: (-counts[word], word))[:20]
    y = numpy.array([[word in its_words for word in most]
                     for its_words in words], numpy.int64)
    return numpy.stack(x), y


def _emoji_keywords(xml):
    """{sign: its keywords} of all emoji that are one character."""
    found = {}
    for sign, words in re.findall(
            r'<annotation cp="([^"])">([^<]*)</annotation>', xml):
        if ord(sign) >= 0x2190:
            found[sign] = {word.strip() for word in words.split("|")}
    return found


def _on_white(image):
    """uint8 [3, H, W] of a picture with an alpha channel"""
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return numpy.asarray(white.convert("RGB")).transpose(2, 0, 1)


def _without_repeats(labelled):
    """x and y of pairs of a picture and its label; of equal pictures the first
    one counts."""
    first = {}
    for picture, label in labelled:
        first.setdefault(picture.tobytes(), (picture, label))
    pictures, labels = zip(*first.values())
    return numpy.stack(pictures), numpy.array(labels, numpy.int64)


def _colour_patches(rng, files, count, size):
    """x and y: so many patches from each of these files of pictures."""
    x, y = _labelled_patches(
        rng, (numpy.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
              for file in files), count, size)
    return x.transpose(0, 3, 1, 2), y


def _labelled_patches(rng, pictures, count, size):
    """So many patches from each picture, and the numbers of the pictures."""
    x, y = [], []
    for number, picture in enumerate(pictures):
        for patch in _patches(rng, picture, count, size):
            x.append(patch)
            y.append(number)
    return numpy.stack(x), numpy.array(y, numpy.int64)


def _photographs(packages):
    for name in ("astronaut", "brick", "camera", "chelsea", "coffee", "grass",
                 "gravel", "motorcycle_left"):
        file = packages["scikit-image"].read(f"skimage/data/{name}.png")
        yield numpy.asarray(Image.open(io.BytesIO(file)).convert("L"))


def _patches(rng, picture, count, size):
    for _ in range(count):
        row = rng.integers(picture.shape[0] - size)
        column = rng.integers(picture.shape[1] - size)
        yield picture[row:row + size, column:column + size]


def _blurred(patch, width):
    """The patch, filtered with a Gaussian function of this standard deviation;
    at the edges the weights inside of the patch are scaled to a sum of 1."""
    distance = numpy.subtract.outer(*2 * [numpy.arange(len(patch))])
    weights = numpy.exp(-distance ** 2 / (2 * width ** 2))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights @ patch.astype(numpy.float64) @ weights.T
