"""Stores kernels that were trained with fewer than 8 bits as what they are."""

import dataclasses
from collections.abc import Collection, Mapping

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.export.few_bits.file_kernels import FileKernel, find_kernels
from tfcompress.export.few_bits.weight_grid import find_steps, growth, on_steps
from tfcompress.export.operator_codes import find_code
from tfcompress.measurement.files.operation_name import operation_name


@dataclasses.dataclass(frozen=True)
class _Storage:
    """A type of whole numbers that kernels can be stored in.

    Attributes:
        type: Its number in the schema of TFLite.
        bits: How many bits it has.
        versions: The operations that take such kernels, with the version of each. Empty
            for all operations, as they are.
        multiple: What the number of inputs must be a multiple of.
    """

    type: int
    bits: int
    versions: Mapping[str, int] = dataclasses.field(default_factory=dict)
    multiple: int = 1

    @property
    def most(self) -> int:
        """The largest number, with its negative one as the least."""
        return int(2 ** (self.bits - 1) - 1)


# Depthwise kernels are few bytes, and would take some five times as long in int4.
_STORAGES = (
    _Storage(schema.TensorType.INT2, 2, {"FULLY_CONNECTED": 14}, multiple=4),
    _Storage(schema.TensorType.INT4, 4, {"CONV_2D": 7, "FULLY_CONNECTED": 10}),
    _Storage(schema.TensorType.INT8, 8),
)


def narrow_weights(content: bytes, bits: Collection[int]) -> bytes:
    """Stores int8 kernels that lie on a coarser grid with the steps of that grid.

    A kernel that was rounded to 2 bits while the model was trained becomes int2, one of
    3 or 4 bits int4, where LiteRT has kernels for it beside int8 data: Dense layers,
    and convolutions in int4. Any other kernel of fewer than 8 bits stays int8, but what
    the numbers stand for are then exactly the steps that were trained, and not the
    nearest of 127. Biases are counted in the new steps.

    Args:
        content: The bytes of a full-integer `.tflite` file. It is not changed.
        bits: To how many bits kernels were rounded, such as `{4}`; 8 and more do not
            matter. It keeps tiny kernels of 8 bits, which can lie on a coarse grid by
            chance, as they are.

    Returns:
        The bytes of the file, the same ones where no kernel lies on a coarser grid.

    Example:
    ```python
    from tfcompress.export.few_bits.narrow_weights import narrow_weights

    content = narrow_weights(open("int8.tflite", "rb").read(), bits={4})
    ```
    """
    most = max((2 ** (number - 1) - 1 for number in bits if number < 8), default=0)
    if not most:
        return content
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    narrowed = [_narrow(kernel, most) for kernel in find_kernels(file)]
    if not any(narrowed):
        return content
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


def _narrow(kernel: FileKernel, most: int) -> bool:
    """Stores one kernel with the steps that it has; returns whether it has fewer."""
    channels = kernel.channels
    steps = find_steps(channels, most)
    if steps is None:
        return False
    storage = next(
        storage
        for storage in _STORAGES
        if steps.max() <= storage.most and _fits(storage, kernel)
    )
    kernel.tensor.type = storage.type
    kernel.store(on_steps(channels, steps, storage.most), growth(steps, storage.most))
    for operator in kernel.operators if storage.versions else ():
        kind = operation_name(kernel.file, operator)
        code = getattr(schema.BuiltinOperator, kind)
        operator.opcodeIndex = find_code(kernel.file, code, storage.versions[kind])
    return True


def _fits(storage: _Storage, kernel: FileKernel) -> bool:
    """Returns whether LiteRT can multiply with a kernel that is stored so."""
    if not storage.versions:
        return True
    if kernel.tensor.shape[-1] % storage.multiple:
        return False
    return all(
        operation_name(kernel.file, operator) in storage.versions
        and kernel.subgraph.tensors[operator.inputs[0]].type == schema.TensorType.INT8
        for operator in kernel.operators
    )
