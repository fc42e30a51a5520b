"""What the data sets of the corpus share: how columns become numbers."""

import hashlib
import re

import numpy
import pandas


def rounded(x):
    """As float32, to four decimals: sums may differ in their last bits between
    processors, and the arrays must not."""
    return (numpy.round(x, 4) + 0.0).astype(numpy.float32)


def standardised(columns):
    """[N, D] float: every column to mean 0 and standard deviation 1. Missing
    values take the mean of their column; constant columns are left out."""
    columns = numpy.asarray(columns, numpy.float64)
    columns = numpy.where(numpy.isnan(columns),
                          numpy.nanmean(columns, axis=0), columns)
    deviation = columns.std(axis=0)
    varying = deviation > 1e-9
    return rounded((columns[:, varying] - columns[:, varying].mean(axis=0))
                   / deviation[varying])


def features(table):
    """[N, D] of a data frame: numbers standardised; categories, one column of
    zeros and ones for each, missing values being a category of their own."""
    numbers, indicators = [], []
    for name in table.columns:
        column = table[name]
        if (isinstance(column.dtype, pandas.CategoricalDtype)
                or not pandas.api.types.is_numeric_dtype(column)):
            text = column.astype(object).where(column.notna(), "missing")
            text = text.astype(str).to_numpy()
            for value in sorted(set(text)):
                indicators.append(text == value)
        else:
            numbers.append(column.to_numpy(dtype=numpy.float64,
                                           na_value=numpy.nan))
    parts = []
    if numbers:
        parts.append(standardised(numpy.column_stack(numbers)))
    if indicators:
        parts.append(numpy.column_stack(indicators).astype(numpy.float32))
    return numpy.hstack(parts)


def classes(column):
    """[N] int64: the number of each value among the sorted values."""
    values = numpy.asarray(column).astype(str)
    return numpy.unique(values, return_inverse=True)[1].astype(numpy.int64)


def some(count, most, seed):
    """At most `most` of the numbers below count, in random order."""
    return numpy.random.default_rng(seed).permutation(count)[:most]


def labelled(groups, most):
    """At most `most` of each group, in random order, and the numbers of their
    groups, [N] int64."""
    chosen, numbers = [], []
    for number, group in enumerate(groups):
        for i in some(len(group), most, number):
            chosen.append(group[i])
            numbers.append(number)
    return chosen, numpy.array(numbers, numpy.int64)


def hashed_words(texts, size):
    """[N, size] float32: counts of words, each under the MD5 digest of the word
    modulo size, divided by their Euclidean norm."""
    x = numpy.zeros((len(texts), size))
    for row, text in zip(x, texts):
        for word in re.findall(r"[a-z']+", text.lower()):
            row[int(hashlib.md5(word.encode()).hexdigest(), 16) % size] += 1
    return rounded(x / numpy.linalg.norm(x, axis=1, keepdims=True))


def one_hot(rows, size):
    """[N, T, size] uint8 of N rows of T numbers."""
    return (numpy.asarray(rows)[..., None] == numpy.arange(size)).astype(
        numpy.uint8)
