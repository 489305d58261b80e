"""Errors that tfcompress raises on purpose.

Each says what came, what was expected and what to do, and is also the built-in
exception that a reader of plain Python would expect, so `except ValueError`
works without importing this module.
"""


class TFCompressError(Exception):
    """Base of every error that tfcompress raises on purpose."""


class ArgumentError(TFCompressError, ValueError):
    """An argument is outside what is allowed."""


class ModelError(TFCompressError, ValueError):
    """A model cannot be used as it is: unbuilt, subclassed, not finite."""


class NothingToPruneError(ModelError):
    """A model has no weight, channel or block that a pruning could remove."""


class NothingToClusterError(ModelError):
    """A model has no kernel whose weights could share values."""


class UnsupportedLayerError(ModelError):
    """A layer or operation has no twin in the other Keras."""


class DataError(TFCompressError, ValueError):
    """Data is empty, not finite, or does not fit the model."""


class ExportError(TFCompressError, RuntimeError):
    """A model cannot be written as the `.tflite` file that was asked for."""


class OutputError(TFCompressError, OSError):
    """A file or folder cannot be written, or must not be overwritten."""


class ProcessError(TFCompressError, RuntimeError):
    """Another process that tfcompress needs cannot be started, or has failed."""
