"""Gives strided convolutions the same padding on every side, where that is exact."""

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from tfcompress.graph.graph import Graph, Layer, Node, Tensor, Weight
from tfcompress.graph.rewiring import free_name, in_order, with_layers, without_unused

# Kernels whose padding on every side may be half their size.
_SIZES = {"Conv2D": (3,), "DepthwiseConv2D": (3, 5)}


@dataclasses.dataclass(frozen=True)
class Window:
    """Where a convolution looks, along one axis: from `stride * i - before`.

    Attributes:
        size: Positions that it looks at.
        before: Rows of padding before the first.
        after: Rows of padding after the last.
    """

    size: int
    before: int
    after: int

    def offset(self, larger: int, length: int, stride: int) -> int | None:
        """Returns where this window lies in a larger one with even padding.

        Args:
            larger: Size of the larger window, which has half of it as padding.
            length: Size of the input.
            stride: The stride.

        Returns:
            The first of the positions of the larger window that are also this one's,
            or None if it does not lie inside, or if there would be more or fewer
            windows.
        """
        half = larger // 2
        offset = half - self.before
        if offset < 0 or offset + self.size > larger:
            return None
        own = (length + self.before + self.after - self.size) // stride
        return offset if own == (length + 2 * half - larger) // stride else None


def pad_evenly(
    graph: Graph, *, names: Collection[str] | None = None
) -> tuple[Graph, tuple[str, ...]]:
    """Returns a graph whose strided convolutions have even padding, as far as is exact.

    Padding of `same` at a stride of 2 puts one row more behind the image than before
    it where the image has an even size, and some kernels, such as XNNPACK's sparse
    ones, want as many on every side. A depthwise convolution of 3x3 then becomes one
    of 5x5 with two rows on every side, whose kernel is that of 3x3 in the corner and
    zero elsewhere: it looks at two rows and columns more and adds nothing for them.
    Where the image has an odd size, 3x3 with one row on every side does the same
    already. A full convolution stays 3x3. Padding that stands in a layer of its own
    before the convolution is taken into account.

    Args:
        graph: A graph; models inside it are left as they are: see `flatten_models`.
        names: The layers that may be changed. Defaults to all.

    Returns:
        The graph, and the names of the layers that were changed. Layers that are
        called several times, that have uneven padding which no allowed kernel covers,
        or whose input has no fixed size, stay as they are.

    Example:
    ```python
    import keras
    from tfcompress.graph import pad_evenly
    from tfcompress.keras_compat import build, read

    strided = keras.layers.DepthwiseConv2D(3, strides=2, padding="same")
    model = keras.Sequential([keras.Input((8, 8, 4)), strided])
    graph, changed = pad_evenly(read(model))
    even = build(graph, keras="keras")
    ```
    """
    changed = []
    for node in graph.nodes:
        allowed = names is None or node.layer in names
        found = _replacement(graph, node) if allowed else None
        if found is not None:
            source, size, offsets = found
            graph = _replace(graph, node, source, size, offsets)
            changed.append(node.layer)
    return without_unused(graph), tuple(changed)


def _replacement(
    graph: Graph, node: Node
) -> tuple[Tensor, int, tuple[int, int]] | None:
    """Returns what to pad, the size of the new kernel, and where the old one lies."""
    layer = graph.layer_of(node)
    if layer.kind not in _SIZES or len(graph.calls(layer)) > 1:
        return None
    config = layer.config
    strides = _pair(config.get("strides", 1))
    plain = (
        config.get("data_format", "channels_last") == "channels_last"
        and _pair(config.get("dilation_rate", 1)) == (1, 1)
        and config.get("groups", 1) == 1
        and config.get("padding", "valid") in ("valid", "same")
    )
    if not plain or strides[0] != strides[1] or strides[0] == 1:
        return None
    source, widths = _padded(graph, node)
    lengths = _lengths(graph, source)
    if lengths is None:
        return None
    windows = _windows(layer, lengths, widths)
    for size in _SIZES[layer.kind]:
        offsets = tuple(
            window.offset(size, length, strides[0])
            for window, length in zip(windows, lengths, strict=True)
        )
        half = size // 2
        if any(offset is None for offset in offsets):
            continue
        even = all((w.before, w.after) == (half, half) for w in windows)
        if even and all(window.size == size for window in windows):
            explicit = config.get("padding", "valid") == "valid"
            if explicit:
                return None
        return source, size, (offsets[0] or 0, offsets[1] or 0)
    return None


def _padded(graph: Graph, node: Node) -> tuple[Tensor, list[tuple[int, int]]]:
    """Returns what is convolved, without a layer of zeros around it, and its widths."""
    source = node.inputs()[0]
    before = graph.node(source.node)
    layer = graph.layer_of(before)
    last = layer.config.get("data_format", "channels_last") == "channels_last"
    if layer.kind != "ZeroPadding2D" or not last:
        return source, [(0, 0), (0, 0)]
    return before.inputs()[0], [_pair(width) for width in layer.config["padding"]]


def _windows(
    layer: Layer, lengths: Sequence[int], widths: Sequence[tuple[int, int]]
) -> list[Window]:
    same = layer.config.get("padding", "valid") == "same"
    windows = []
    for size, stride, length, (before, after) in zip(
        _pair(layer.config["kernel_size"]),
        _pair(layer.config.get("strides", 1)),
        lengths,
        widths,
        strict=True,
    ):
        if same:
            padded = length + before + after
            total = max((-(-padded // stride) - 1) * stride + size - padded, 0)
            before, after = before + total // 2, after + total - total // 2
        windows.append(Window(size, before, after))
    return windows


def _lengths(graph: Graph, tensor: Tensor) -> tuple[int, int] | None:
    outputs = graph.node(tensor.node).outputs
    shape = outputs[tensor.index].shape if outputs else ()
    if len(shape) != 4 or shape[1] is None or shape[2] is None:
        return None
    return shape[1], shape[2]


def _replace(
    graph: Graph, node: Node, source: Tensor, size: int, offsets: tuple[int, int]
) -> Graph:
    """Puts a larger kernel, with padding before it, in the place of a layer's."""
    layer = graph.layer_of(node)
    kernel = layer.weight("kernel")
    larger = np.zeros((size, size, *kernel.shape[2:]), kernel.dtype)
    rows, columns = offsets
    larger[rows : rows + kernel.shape[0], columns : columns + kernel.shape[1]] = kernel
    config = {**layer.config, "kernel_size": (size, size), "padding": "valid"}
    weights = tuple(
        Weight(weight.path, larger if weight.path == "kernel" else weight.value)
        for weight in layer.weights
    )
    name = free_name(graph, f"{layer.name}_padding")
    half = size // 2
    padding = Layer(
        name,
        "ZeroPadding2D",
        {
            "padding": ((half, half), (half, half)),
            "data_format": "channels_last",
            "dtype": config.get("dtype", "float32"),
        },
    )
    changed = dataclasses.replace(layer, config=config, weights=weights)
    graph = with_layers(graph, [padding, changed])
    call = dataclasses.replace(node, arguments=(Tensor(name),), keywords={})
    others = [other for other in graph.nodes if other.name != node.name]
    nodes = in_order([*others, Node(name, name, (source,)), call])
    return dataclasses.replace(graph, nodes=nodes)


def _pair(value: object) -> tuple[int, int]:
    if isinstance(value, list | tuple):
        first, second = value
        return first, second
    if isinstance(value, int):
        return value, value
    raise TypeError(f"Expected one number or two. Received: {value!r}")
