"""How many multiplications a layer does for one sample."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfcompress.graph import Layer, TensorSpec

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a layer, with all sizes known.

    Attributes:
        kind: Class name of the layer, as in `tfcompress.graph.Layer`.
        config: Arguments of its constructor.
        weights: Names and shapes of its weights, in order.
        arguments: Positional arguments, with `TensorSpec` where there are tensors.
        keywords: Keyword arguments, in the same way.
        outputs: Shapes of what the call returns.
    """

    kind: str
    config: Mapping[str, Any]
    weights: tuple[tuple[str, Shape], ...]
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    outputs: tuple[Shape, ...]

    def weights_named(self, *names: str) -> list[Shape]:
        """Returns the shapes of the weights with one of these names."""
        return [shape for name, shape in self.weights if name in names]

    def operands(self) -> list[Shape]:
        """Returns the shapes of the tensors and arrays it is called on, in order."""
        return list(_shapes([self.arguments, dict(self.keywords)]))


def describe_call(
    layer: Layer,
    arguments: tuple[Any, ...],
    keywords: Mapping[str, Any],
    outputs: Sequence[Shape],
) -> Call:
    """Describes the call of a layer for `count_multiply_adds`.

    Args:
        layer: The layer.
        arguments: Positional arguments, each tensor replaced by its `TensorSpec`.
        keywords: Keyword arguments, in the same way.
        outputs: Shapes of what the call returns.
    """
    weights = tuple((weight.name, weight.value.shape) for weight in layer.weights)
    return _unwrapped(
        Call(layer.kind, layer.config, weights, arguments, keywords, tuple(outputs))
    )


def count_multiply_adds(call: Call) -> int | None:
    """Counts pairs of one multiplication and one addition in a call.

    Counted are products of tensors: dense layers, convolutions of all kinds, recurrent
    layers, attention, and products in operations. An addition, an activation, a
    normalization, pooling and looking up count nothing. Where padding adds zeros, the
    products with them count, and a transposed convolution counts all its products,
    those that are cropped too, as is usual.

    Args:
        call: What `describe_call` returned.

    Returns:
        The number, 0 for what counts nothing, or None for a layer that has kernels,
        or a convolution, of a kind that is not known here.

    Example:
    ```python
    import numpy as np
    from tfcompress.graph import Layer, TensorSpec, Weight
    from tfcompress.measurement.cost.multiply_adds import (
        count_multiply_adds,
        describe_call,
    )

    layer = Layer("scores", "Dense", weights=(Weight("kernel", np.zeros((4, 3))),))
    given = (TensorSpec((1, 4), "float32"),)
    count_multiply_adds(describe_call(layer, given, {}, [(1, 3)]))  # 12
    ```
    """
    if call.kind == "TimeDistributed":
        return _count_each_step(call)
    rule = _RULES.get(call.kind)
    if rule is not None:
        return rule(call)
    known = call.kind in _WITHOUT_PRODUCTS or call.kind.endswith("Normalization")
    has_kernels = any(len(shape) >= 2 for _, shape in call.weights)
    is_convolution = "." in call.kind and "conv" in call.kind
    return None if (has_kernels and not known) or is_convolution else 0


# Layers with weights of two axes or more that are looked up, or scale each number.
_WITHOUT_PRODUCTS = ("Embedding", "PReLU")


def _unwrapped(call: Call) -> Call:
    """Returns the call of the layer inside a wrapper, which has its weights."""
    inner = call.config.get("layer")
    if call.kind == "TimeDistributed" or not isinstance(inner, Mapping):
        return call
    return _unwrapped(
        dataclasses.replace(call, kind=inner["class_name"], config=inner["config"])
    )


def _count_each_step(call: Call) -> int | None:
    """Counts the inner layer on one step of time, times the steps."""
    (sequence, *_) = call.operands()
    inner = call.config["layer"]
    step = dataclasses.replace(
        call,
        kind=inner["class_name"],
        config=inner["config"],
        arguments=(TensorSpec((sequence[0], *sequence[2:]), "float32"),),
        keywords={},
        outputs=tuple((shape[0], *shape[2:]) for shape in call.outputs),
    )
    count = count_multiply_adds(_unwrapped(step))
    return None if count is None else sequence[1] * count


def _count_dense(call: Call) -> int:
    """Counts Dense and convolutions: the kernel once for each output position."""
    (kernel,) = call.weights_named("kernel")
    return math.prod(call.outputs[0]) // kernel[-1] * math.prod(kernel)


def _count_depthwise(call: Call) -> int:
    (kernel,) = call.weights_named("kernel")
    positions = math.prod(call.outputs[0]) // (kernel[-1] * kernel[-2])
    return positions * math.prod(kernel)


def _count_separable(call: Call) -> int:
    depthwise, pointwise = call.weights_named("depthwise_kernel", "pointwise_kernel")
    positions = math.prod(call.outputs[0]) // pointwise[-1]
    return positions * (math.prod(depthwise) + math.prod(pointwise))


def _count_transposed(call: Call) -> int:
    """Counts the kernel once for each input position."""
    (kernel,) = call.weights_named("kernel")
    return math.prod(call.operands()[0]) // kernel[-1] * math.prod(kernel)


def _count_einsum_dense(call: Call) -> int:
    (kernel,) = call.weights_named("kernel")
    return _count_contraction(call.config["equation"], [call.operands()[0], kernel])


def _count_recurrent(call: Call) -> int:
    kernels = call.weights_named("kernel", "recurrent_kernel")
    return call.operands()[0][1] * sum(map(math.prod, kernels))


def _count_convolutional_recurrent(call: Call) -> int:
    axes = int(call.kind[-2])  # ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
    first = call.config.get("data_format") == "channels_first"
    shape = call.outputs[0]
    positions = math.prod(shape[-axes:] if first else shape[-1 - axes : -1])
    return positions * _count_recurrent(call)


def _count_attention(call: Call) -> int:
    """Counts Attention and AdditiveAttention: scores, and the sum over values."""
    query, value, *_ = _shapes(call.arguments[0])
    return math.prod(query[:-1]) * value[-2] * (query[-1] + value[-1])


def _count_multi_head_attention(call: Call) -> int:
    names = ("query", "value", "key")
    given = {**dict(zip(names, call.arguments, strict=False)), **call.keywords}
    query, value = given["query"].shape, given["value"].shape
    key = value if given.get("key") is None else given["key"].shape
    kernels = call.weights_named("kernel")
    of_query, of_key, *gate, of_value, of_output = kernels
    axes = call.config.get("attention_axes") or range(1, len(query) - 1)
    attended = math.prod(value[axis] for axis in axes)
    asked = math.prod(query[:-1])
    heads = of_query[-2]
    projections = (
        asked * sum(map(math.prod, [of_query, *gate, of_output]))
        + math.prod(key[:-1]) * math.prod(of_key)
        + math.prod(value[:-1]) * math.prod(of_value)
    )
    return projections + asked * attended * heads * (of_query[-1] + of_value[-1])


def _count_dot(call: Call) -> int:
    axes = call.config["axes"]
    axis = axes if isinstance(axes, int) else axes[0]
    return math.prod(call.outputs[0]) * call.operands()[0][axis]


def _count_matmul(call: Call) -> int:
    transposed = call.keywords.get("transpose_a") or call.keywords.get("adjoint_a")
    summed = call.operands()[0][-2 if transposed else -1]
    return math.prod(call.outputs[0]) * summed


def _count_tensordot(call: Call) -> int:
    first = call.operands()[0]
    extra = call.arguments[2] if len(call.arguments) > 2 else 2
    axes = call.config.get("axes", call.keywords.get("axes", extra))
    if isinstance(axes, int):
        summed = first[len(first) - axes :]
    else:
        chosen = [axes[0]] if isinstance(axes[0], int) else axes[0]
        summed = tuple(first[axis] for axis in chosen)
    return math.prod(call.outputs[0]) * math.prod(summed)


def _count_einsum(call: Call) -> int:
    equation = call.config.get("subscripts") or call.arguments[0]
    return _count_contraction(equation, call.operands())


def _count_contraction(equation: str, operands: Sequence[Shape]) -> int:
    """Counts an einsum as the product of the sizes of all its letters."""
    sizes: dict[str, int] = {}
    terms = equation.replace(" ", "").split("->")[0].split(",")
    for term, shape in zip(terms, operands, strict=True):
        for label, size in zip(_labels(term, len(shape)), shape, strict=True):
            sizes[label] = max(size, sizes.get(label, 1))
    return math.prod(sizes.values()) * (len(operands) - 1)


def _labels(term: str, axes: int) -> list[str]:
    """Returns one label for each axis, those of an ellipsis counted from its end."""
    if "..." not in term:
        return list(term)
    before, after = term.split("...")
    hidden = axes - len(before) - len(after)
    return [*before, *(f"...{n}" for n in range(hidden, 0, -1)), *after]


def _shapes(structure: Any) -> Iterator[Shape]:
    if isinstance(structure, TensorSpec | np.ndarray):
        yield tuple(structure.shape)  # type: ignore[arg-type]
    elif isinstance(structure, Mapping):
        for value in structure.values():
            yield from _shapes(value)
    elif isinstance(structure, list | tuple):
        for value in structure:
            yield from _shapes(value)


_RULES: dict[str, Callable[[Call], int]] = {
    **dict.fromkeys(["Dense", "Conv1D", "Conv2D", "Conv3D"], _count_dense),
    **dict.fromkeys(["DepthwiseConv1D", "DepthwiseConv2D"], _count_depthwise),
    **dict.fromkeys(["SeparableConv1D", "SeparableConv2D"], _count_separable),
    **dict.fromkeys(
        ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"], _count_transposed
    ),
    "EinsumDense": _count_einsum_dense,
    **dict.fromkeys(["SimpleRNN", "LSTM", "GRU", "RNN"], _count_recurrent),
    **dict.fromkeys(
        ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"], _count_convolutional_recurrent
    ),
    **dict.fromkeys(["Attention", "AdditiveAttention"], _count_attention),
    **dict.fromkeys(
        ["MultiHeadAttention", "GroupedQueryAttention", "GroupQueryAttention"],
        _count_multi_head_attention,
    ),
    "Dot": _count_dot,
    **dict.fromkeys(["ops.matmul", "ops.dot", "tf.linalg.matmul"], _count_matmul),
    **dict.fromkeys(["ops.tensordot", "tf.tensordot"], _count_tensordot),
    **dict.fromkeys(["ops.einsum", "tf.einsum"], _count_einsum),
}
