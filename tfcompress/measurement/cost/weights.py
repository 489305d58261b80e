"""How many weights a model has, and how many of them are zero."""

import dataclasses
from typing import Any

import numpy as np

from tfcompress.measurement.cost.constants import Constant, read_constants
from tfcompress.measurement.cost.kernel_count import KernelCount
from tfcompress.measurement.files.subject import path_of


@dataclasses.dataclass(frozen=True)
class WeightCount(KernelCount):
    """Weights of a model or file.

    Attributes:
        parameters: All weights, biases among them.
        kernel_parameters: Those of them that lie in kernels.
        zeros: Kernel weights that are exactly zero.
    """

    parameters: int
    kernel_parameters: int
    zeros: int


def count_weights(model_or_file: Any) -> WeightCount:
    """Counts the weights of a Keras model or of a `.tflite` file, and the zeros.

    Sparsity is that of kernels alone, for they are what pruning prunes: a network
    of which each kernel was pruned to 80 % has a sparsity of 0.80.

    In a Keras model all floating-point variables count, those that are not trained
    too, and kernels are the variables of two axes or more, without the biases, which
    have two axes in GRU and MultiHeadAttention. Masks and ranges that a technique
    keeps beside the weights count as well, so finalize the model first.

    In a file, the constants count that hold real numbers: floating-point ones, and
    whole numbers with a scale. Shapes, axes and indices do not, nor single numbers
    without an axis, nor the values that a loop starts from. A constant that is used
    twice counts once, also where the converter made one of two equal ones. Kernels
    are the constants of two axes or more that convolutions, fully connected,
    recurrent, matrix product and lookup operations take as weights, straight or
    through `DENSIFY`, `DEQUANTIZE` and the like. A quantized weight is zero where it
    equals its zero point. A constant in sparse encoding counts in full, with the zeros
    that it leaves out. Batch normalization that export has folded into kernels does
    not count any more, and a bias of zeros may have been dropped: the number can be a
    little below that of the Keras model.

    Args:
        model_or_file: A built Keras 3 or tf_keras model, or the path of a `.tflite`
            file.

    Returns:
        The `WeightCount`.

    Raises:
        ModelError: If the model is not built, or if the file is missing or damaged.
        ArgumentError: If it is neither a model nor a path.

    Example:
    ```python
    tfc.measurement.count_weights("pruned.tflite").sparsity
    ```
    """
    path = path_of(model_or_file)
    constants = _read_variables(model_or_file) if path is None else read_constants(path)
    kernels = [constant for constant in constants if constant.kernel]
    return WeightCount(
        parameters=sum(constant.size for constant in constants),
        kernel_parameters=sum(constant.size for constant in kernels),
        zeros=sum(constant.zeros for constant in kernels),
    )


def _read_variables(model: Any) -> list[Constant]:
    arrays = [variable.numpy() for variable in model.weights]
    return [
        Constant(
            name=variable.name,
            size=array.size,
            zeros=int(array.size - np.count_nonzero(array)),
            kernel=is_kernel(variable.name, array),
            values=array.reshape(-1),
        )
        for variable, array in zip(model.weights, arrays, strict=True)
        if array.dtype.kind not in "iub"
    ]


def is_kernel(name: str, value: np.ndarray) -> bool:
    """Returns whether a weight of a Keras layer is one that pruning may prune.

    Args:
        name: Its name or path, such as `"bias"` or `"gru/gru_cell/bias:0"`.
        value: The weight.
    """
    last = name.rsplit("/", 1)[-1].split(":")[0]
    real = value.dtype.kind not in "iub"
    return real and value.ndim >= 2 and not last.endswith("bias")
