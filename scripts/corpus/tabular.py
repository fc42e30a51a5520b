"""Data sets of columns: x [N, D]."""

import gzip
import io

import numpy
import pandas

from . import arrays


def _labelled(table, label):
    return (arrays.features(table.drop(columns=label)),
            arrays.classes(table[label]))


def _measured(table, target):
    return (arrays.features(table.drop(columns=target)),
            arrays.rounded(table[target].to_numpy(numpy.float64)))


def letters(packages):
    """Which of 26 letters, from 16 measurements of its picture."""
    return _labelled(packages["r-cran-mlbench"].rda("LetterRecognition"),
                     "lettr")


def satellite(packages):
    """What grows on a spot of land, from 3 x 3 pixels in four colours."""
    return _labelled(packages["r-cran-mlbench"].rda("Satellite"), "classes")


def shuttle(packages):
    """In which state the radiators of a space shuttle are."""
    return _labelled(packages["r-cran-mlbench"].rda("Shuttle"), "Class")


def vehicle(packages):
    """Which of four vehicles, from measurements of its silhouette."""
    return _labelled(packages["r-cran-mlbench"].rda("Vehicle"), "Class")


def vowel(packages):
    """Which of eleven vowels, from the speaker and the shape of the sound."""
    return _labelled(packages["r-cran-mlbench"].rda("Vowel"), "Class")


def spam(packages):
    """Whether a message is spam, from the shares of words in it."""
    return _labelled(packages["r-cran-kernlab"].rda("spam"), "type")


def income(packages):
    """The income of a household in nine classes, from a questionnaire."""
    return _labelled(packages["r-cran-kernlab"].rda("income"), "INCOME")


def breast_cancer(packages):
    """Whether a tumour is malignant, from measurements of its nuclei."""
    file = "sklearn/datasets/data/breast_cancer.csv"
    table = numpy.loadtxt(io.BytesIO(packages["scikit-learn"].read(file)),
                          delimiter=",", skiprows=1)
    return arrays.standardised(table[:, :-1]), table[:, -1].astype(numpy.int64)


def cells(packages):
    """Whether a cell in a microscope's picture was found correctly."""
    table = packages["r-cran-modeldata"].rda("cells").drop(columns="case")
    return _labelled(table, "class")


def parkinson(packages):
    """Whether a speaker has Parkinson's disease, from 750 measurements of the
    voice."""
    return _labelled(packages["r-cran-modeldata"].rda("pd_speech"), "class")


def diamonds(packages):
    """The logarithm of a diamond's price."""
    table = packages["r-cran-ggplot2"].rda("diamonds")
    return (arrays.features(table.drop(columns="price")),
            arrays.rounded(numpy.log(table["price"].to_numpy(numpy.float64))))


def diabetes(packages):
    """How a disease goes on within a year, from ten measurements."""
    folder = "sklearn/datasets/data/"
    x, y = (numpy.loadtxt(io.BytesIO(gzip.decompress(
        packages["scikit-learn"].read(folder + file))))
        for file in ("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz"))
    return arrays.standardised(x), arrays.rounded(y)


def check_times(packages):
    """The logarithm of the time in which a program library is checked."""
    table = packages["r-cran-modeldata"].rda("check_times")
    table = table.drop(columns="package")
    seconds = table.pop("check_time").to_numpy(numpy.float64)
    # Counts of lines and files have long tails.
    counts = numpy.log1p(table.to_numpy(numpy.float64, na_value=numpy.nan))
    return arrays.standardised(counts), arrays.rounded(numpy.log1p(seconds))


def developer_roles(packages):
    """Which of thirteen kinds of work a developer does, from a questionnaire
    (a person may do several)."""
    table = packages["r-cran-modeldata"].rda("stackoverflow")
    start = list(table.columns).index("Data_scientist")
    roles = list(table.columns[start:])
    y = table[roles].to_numpy(numpy.float64).astype(numpy.int64)
    return arrays.features(table.drop(columns=roles)), y


def molecules(packages):
    """Whether a molecule smells of musk, from 166 measurements of a shape that
    it takes."""
    return _labelled(packages["r-cran-kernlab"].rda("musk"), "Class")


def insurance(packages):
    """Whether a household insures a caravan, from where it lives and what else
    it insures."""
    return _labelled(packages["r-cran-kernlab"].rda("ticdata"), "CARAVAN")


def credit(packages):
    """Whether somebody pays a credit back, from what a bank asks."""
    return _labelled(packages["r-cran-modeldata"].rda("credit_data"), "Status")


def loans(packages):
    """Whether a loan between private people is paid back."""
    return _labelled(packages["r-cran-modeldata"].rda("lending_club"), "Class")


def customers(packages):
    """Whether a customer leaves a telephone company, from the contract and the
    calls."""
    return _labelled(packages["r-cran-modeldata"].rda("mlc_churn"), "churn")


def computing_jobs(packages):
    """How long a job runs on a cluster of computers, in four classes."""
    return _labelled(packages["r-cran-modeldata"].rda("hpc_data"), "class")


def grants(packages):
    """Whether a university gets the money that it applies for, from facts about
    the applicants, the sponsor and the subject."""
    return _labelled(packages["r-cran-modeldata"].rda("grants_other"), "class")


def genes(packages):
    """Which of seven tissues, from how active 500 genes are in it."""
    table = packages["r-cran-dslabs"].rda("tissue_gene_expression")
    return (arrays.standardised(table["x"].to_numpy()),
            arrays.classes(table["y"]))


def olives(packages):
    """Which of nine parts of Italy an olive oil is from, from eight fatty
    acids."""
    table = packages["r-cran-dslabs"].rda("olive").drop(columns="region")
    return _labelled(table, "area")


def meat(packages):
    """How much fat a piece of meat has, from the light that it absorbs at 100
    wavelengths."""
    table = packages["r-cran-modeldata"].rda("meats")
    return _measured(table.drop(columns=["water", "protein"]), "fat")


def concrete(packages):
    """How strong concrete is, from what it is made of and its age."""
    return _measured(packages["r-cran-modeldata"].rda("concrete"),
                     "compressive_strength")


def wages(packages):
    """The logarithm of a man's weekly wage in 1988, from a questionnaire."""
    table = packages["r-cran-aer"].rda("CPS1988")
    table["wage"] = numpy.log(table["wage"])
    return _measured(table, "wage")


def visits(packages):
    """The logarithm of one more than how often somebody old saw a doctor."""
    table = packages["r-cran-aer"].rda("NMES1988").drop(
        columns=["nvisits", "ovisits", "novisits"])
    table["visits"] = numpy.log1p(table["visits"].astype(numpy.float64))
    return _measured(table, "visits")


def schools(packages):
    """A child's result of a test in mathematics, from facts about the child, its
    school and its teacher."""
    table = packages["r-cran-aer"].rda("STAR")
    about = ["gender", "ethnicity", "birth", "stark", "lunchk", "schoolk",
             "degreek", "ladderk", "experiencek", "tethnicityk", "systemk"]
    return _measured(table[table["mathk"].notna()][[*about, "mathk"]], "mathk")


def vocabulary(packages):
    """How many of ten words somebody knows, from a questionnaire."""
    table = packages["r-cran-cardata"].rda("GSSvocab").drop(
        columns=["ageGroup", "educGroup"])
    return _measured(table[table["vocab"].notna()], "vocab")


def houses(packages):
    """The logarithm of the price for which a house was sold."""
    table = packages["r-cran-modeldata"].rda("ames")
    price = table.pop("Sale_Price").to_numpy(numpy.float64)
    return arrays.features(table), arrays.rounded(numpy.log10(price))
