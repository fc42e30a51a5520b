"""CAPE for modules of PyTorch: how many optimizer steps a network needs, before
it is trained.

    cape.probe      looks at an untrained module once, on one batch
    cape.predict    predicts from probes, or from a module, by cape_predict
    cape.read       rows of shards as a pandas.DataFrame
    cape.curves     the loss curves of shards as a pandas.DataFrame
    cape.CapeError  what all of them raise

docs/howto/python.md has examples. All predictions are made by the program
cape_predict; this package measures, and reads.
"""

from cape.errors import CapeError
from cape.predicting import predict
from cape.probing import probe
from cape.shards import curves, read

__all__ = ["CapeError", "curves", "predict", "probe", "read"]
