"""Files, folders and targets that a command names, checked before anything is loaded.

TensorFlow takes seconds to load, and a model or data may take minutes to read; a name
that is wrong is told at once.
"""

import argparse
import os
from pathlib import Path

from tfcompress.errors import ArgumentError
from tfcompress.sources.paths import check_data_path, check_model_path

_OF_DATA = ("label", "spec", "vocabulary", "divide_by")
_FILES = (".tflite", ".keras", ".h5", ".npz", ".html", ".json")


def check_places(arguments: argparse.Namespace, *, measured: bool = False) -> None:
    """Raises an error unless what a command names is there, as far as names tell.

    Args:
        arguments: Of a command that takes a model and data.
        measured: Whether a `.tflite` file will do for a model.

    Raises:
        ModelError: If there is no such model.
        DataError: If there is no such data, or its spec or vocabulary cannot be read.
        ArgumentError: If there is no such target.
    """
    given = vars(arguments)
    for text in (given.get("model"), given.get("student"), given.get("like")):
        if text is not None:
            check_model_path(text, measured=measured)
    for text in given.get("models", ()):
        check_model_path(text, measured=measured)
    if arguments.data is not None:
        check_data_path(arguments.data)
    for name in _OF_DATA if arguments.data is None else ():
        if given[name] is not None:
            flag = "--" + name.replace("_", "-")
            raise ArgumentError(
                f"{flag} says how data is read; add --data, or leave it out. "
                f"Received: {flag} {given[name]}"
            )
    if arguments.spec is not None:
        from tfcompress.sources.records import read_spec

        read_spec(arguments.spec)
    if arguments.vocabulary is not None:
        from tfcompress.sources.words import read_vocabulary

        read_vocabulary(arguments.vocabulary)
    if given.get("target") is not None:
        from tfcompress.export import find_target

        find_target(arguments.target)


def check_run_folder(path: str) -> None:
    """Raises an error unless a run can go to a folder.

    Args:
        path: Value of `--output`.

    Raises:
        ArgumentError: If it is the name of a file.
        OutputError: If there is something else, or it cannot be written to.
    """
    if Path(path).suffix.lower() in _FILES and not os.path.exists(path):
        raise ArgumentError(
            "--output is the folder of the run, in which the models, files and figures "
            f"get names of their own; leave the ending out. Received: --output {path!r}"
        )
    from tfcompress.pipeline.run_folder import RunFolder

    RunFolder(path).check()
