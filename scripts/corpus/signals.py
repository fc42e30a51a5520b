"""Data sets of sound and of other series over time."""

import csv
import io
import wave

import numpy

from . import arrays


def prompts(packages):
    """In which of five languages a second of a telephone's voice speaks:
    x [N, 1, 32, 32], a spectrogram of 32 times and 32 frequencies."""
    languages = []
    for language in ("en", "es", "fr", "it", "ru"):
        package = packages[f"asterisk-core-sounds-{language}-wav"]
        seconds = []
        for name in package.names("usr/share/asterisk/sounds/*.wav"):
            with wave.open(io.BytesIO(package.read(name))) as file:
                sound = numpy.frombuffer(file.readframes(file.getnframes()),
                                         "<i2") / 32768
            whole = len(sound) // 8192
            seconds += [second for second in
                        sound[:whole * 8192].reshape(whole, 8192)
                        if numpy.abs(second).mean() > 0.01]
        languages.append(seconds)
    chosen, y = arrays.labelled(languages, 600)
    x = numpy.stack([_spectrogram(second) for second in chosen])[:, None]
    return arrays.rounded((x - x.mean()) / x.std()), y


def speakers(packages):
    """Which of nine people says a vowel: x [N, 24, 12], 12 coefficients of the
    sound at each time, with zeros behind the end."""
    series, y = _read_ts(packages["aeon"], "JapaneseVowels")
    rows = numpy.concatenate(series, axis=1)
    mean, deviation = rows.mean(axis=1), rows.std(axis=1)
    x = numpy.zeros((len(series), 24, 12))
    for row, one in zip(x, series):
        length = min(24, one.shape[1])
        row[:length] = ((one.T - mean) / deviation)[:length]
    return arrays.rounded(x), y


def electricity(packages):
    """Whether a day of a country's demand for electricity is in winter:
    x [N, 24, 1]."""
    series, y = _read_ts(packages["aeon"], "ItalyPowerDemand")
    return arrays.rounded(numpy.stack(series).transpose(0, 2, 1)), y


def ridership(packages):
    """How many people enter a railway station, from those who entered 21
    stations on each of the fourteen days before: x [N, 14, 21]."""
    table = packages["r-cran-modeldata"].rda("Chicago")
    counts = table.iloc[:, :21].to_numpy(numpy.float64)
    days = arrays.standardised(counts)
    x = numpy.lib.stride_tricks.sliding_window_view(days[:-1], 14, axis=0)
    return (numpy.ascontiguousarray(x.transpose(0, 2, 1)),
            arrays.rounded(counts[14:, 0]))


def temperature(packages):
    """Whether it will be warmer in an hour, at each of 24 hours: x [N, 24, 2],
    the temperatures of two cities; that of the first counts."""
    cities = []
    for city in ("seattle", "sf"):
        rows = csv.DictReader(io.StringIO(packages["vega_datasets"].read(
            f"vega_datasets/_data/{city}-temps.csv").decode()))
        cities.append({row["date"][:16]: float(row["temp"]) for row in rows})
    hours = sorted(set(cities[0]) & set(cities[1]))
    values = numpy.array([[city[hour] for city in cities] for hour in hours])
    starts = numpy.arange(0, len(values) - 25, 4)
    places = starts[:, None] + numpy.arange(24)
    y = values[places + 1, 0] > values[places, 0]
    return arrays.standardised(values)[places], y.astype(numpy.int64)


def leaves(packages):
    """Which of six trees a leaf is from: x [N, 61, 7], the distances of its
    edge from its middle, all around, seven at a time."""
    return _in_pieces(*_read_ts(packages["aeon"], "OSULeaf"), 7)


def gestures(packages):
    """Whether somebody draws a gun or only points: x [N, 30, 5], where the hand
    is along one axis over time, five values at a time."""
    return _in_pieces(*_read_ts(packages["aeon"], "GunPoint"), 5)


def appliances(packages):
    """Which of ten appliances, from the power that it takes: x [N, 73, 20], 20
    values at a time."""
    return _in_pieces(*_read_ts(packages["aeon"], "ACSF1"), 20)


def gait(packages):
    """How somebody's leg is accelerated upwards an eighth of a second later:
    x [N, 32, 9], how ankle, leg and trunk are accelerated in each of three
    directions, during a second."""
    table = numpy.genfromtxt(io.BytesIO(packages["aeon"].read(
        "aeon/datasets/data/Daphnet_S06R02E0/S06R02E0.csv")), delimiter=",",
        skip_header=1, usecols=range(1, 10))
    values = arrays.standardised(table[:len(table) // 2 * 2].reshape(
        -1, 2, 9).mean(axis=1))
    places = _windows(len(values), 32, 4)
    return values[places], values[places[:, -1] + 4, 4]


def blood_pressure(packages):
    """How large a blood pressure is eight values later: x [N, 32, 1]."""
    lines = packages["aeon"].read(
        "aeon/datasets/data/KDD-TSAD_135/135_UCR_Anomaly_InternalBleeding16_"
        "TEST.csv").decode().splitlines()
    values = numpy.array([float(line.split(",")[1]) for line in lines[1:]])
    places = _windows(len(values), 32, 8)
    return (arrays.standardised(values[:, None])[places],
            arrays.rounded(values[places[:, -1] + 8]))


def _spectrogram(sound):
    """[32, 32] of 8,192 values: the logarithm of the energy at 32 times, in 32
    bands whose widths grow with their frequency."""
    frames = sound.reshape(32, 256) * numpy.hanning(256)
    energy = numpy.abs(numpy.fft.rfft(frames)) ** 2
    starts = numpy.concatenate([numpy.arange(3, 35, 2), numpy.round(
        35 + 93 * (numpy.arange(16) / 16) ** 1.3).astype(int)])
    bands = numpy.add.reduceat(energy, starts, axis=1)
    return numpy.log(bands + 1e-6)


def _windows(count, length, ahead):
    """[N, length]: the places in every second window of so many values that
    has `ahead` more behind it."""
    return (numpy.arange(0, count - length - ahead + 1, 2)[:, None]
            + numpy.arange(length))


def _in_pieces(series, labels, size):
    """Series of one dimension as [N, T, size], standardised, and their
    classes."""
    values = numpy.concatenate(series)
    values = values[:, :values.shape[1] // size * size]
    values = (values - values.mean()) / values.std()
    return arrays.rounded(values.reshape(len(values), -1, size)), labels


def _read_ts(package, name):
    """([D, T] of each series, its class) of both parts of a data set in the
    format .ts: dimensions divided by colons, the class at the end."""
    series, labels = [], []
    for part in ("TRAIN", "TEST"):
        text = package.read(
            f"aeon/datasets/data/{name}/{name}_{part}.ts").decode()
        for line in text.split("@data", 1)[1].strip().splitlines():
            *dimensions, label = line.strip().split(":")
            series.append(numpy.array([[float(value) for value in
                                        dimension.split(",")]
                                       for dimension in dimensions]))
            labels.append(label)
    return series, arrays.classes(labels)
