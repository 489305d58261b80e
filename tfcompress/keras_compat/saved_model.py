"""Keras models inside SavedModel folders."""

import importlib
import json
from pathlib import Path
from typing import Any

from tfcompress.errors import ModelError

_GRAPH = "saved_model.pb"
_KERAS = "keras_metadata.pb"


def describe_saved_model(name: str) -> list[Any]:
    """Returns the Keras objects in a SavedModel folder as plain data.

    Nothing is loaded and no code is run.

    Args:
        name: Path of the folder.

    Returns:
        The layers and models, each as a dict with `class_name` and `config`.

    Raises:
        ModelError: If the folder is no SavedModel, or one without a Keras model: such
            as `model.export` of Keras 3 and `tf.saved_model.save` write.
    """
    folder = Path(name)
    if not (folder / _GRAPH).is_file():
        raise ModelError(
            "Expected a .keras or .h5 file, or a SavedModel folder that model.save of "
            f"tf_keras wrote. Received: path={name!r}, a folder without {_GRAPH}"
        )
    if not (folder / _KERAS).is_file():
        raise ModelError(
            "The SavedModel holds functions alone and no Keras model, as model.export "
            "and tf.saved_model.save write it; its layers cannot be trained. Bring the "
            "model that it was made from, as a .keras or .h5 file of model.save, or as "
            f"module:function that builds it. Received: path={name!r}"
        )
    proto = importlib.import_module("tf_keras.protobuf.saved_metadata_pb2")
    metadata = proto.SavedMetadata()
    metadata.ParseFromString((folder / _KERAS).read_bytes())
    return [json.loads(node.metadata) for node in metadata.nodes]
