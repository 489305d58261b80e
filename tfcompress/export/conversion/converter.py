"""TensorFlow's converter, set up for a target."""

import os
import warnings
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress.export.conversion.representative import as_generator
from tfcompress.export.targets import Target


def run_converter(
    folder: str | os.PathLike[str],
    target: Target,
    samples: dict[str, np.ndarray] | None,
    batch: int,
    *,
    sparse: bool = False,
    flex: bool = False,
) -> bytes:
    """Converts a SavedModel.

    Args:
        folder: The SavedModel.
        target: What the file shall hold.
        samples: Representative inputs by name, or None.
        batch: Samples in one run of the file.
        sparse: Whether kernels with enough zeros are written in sparse encoding.
        flex: Whether operations without a built-in counterpart go into the file as
            TensorFlow's own.

    Returns:
        The bytes of the file.

    Raises:
        Exception: Whatever TensorFlow raises.
    """
    converter: Any = tf.lite.TFLiteConverter.from_saved_model(os.fspath(folder))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if flex:
        converter.target_spec.supported_ops.append(tf.lite.OpsSet.SELECT_TF_OPS)
    if target.weights == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    if target.full_integer:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if samples is not None:
            converter.representative_dataset = as_generator(samples, batch)
    if target.inputs_and_outputs != "float32":
        door = tf.as_dtype(target.inputs_and_outputs)
        converter.inference_input_type = door
        converter.inference_output_type = door
    if target.per_tensor_dense:
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if sparse:
        converter.optimizations = [
            *converter.optimizations,
            tf.lite.Optimize.EXPERIMENTAL_SPARSITY,
        ]
    with warnings.catch_warnings():
        # A quantization-aware model is converted without statistics, as it should be.
        warnings.simplefilter("ignore", UserWarning)
        return converter.convert()
