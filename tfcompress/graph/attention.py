"""Writes MultiHeadAttention as the layers and operations that it is made of."""

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from tfcompress.graph.graph import Graph, Layer, Node, Tensor, TensorSpec, Weight
from tfcompress.graph.implicit_masks import masked_nodes
from tfcompress.graph.substitution import Chain, spec_of, substitute

# What a score becomes where nothing may be looked at.
_MASKED = -1e9
_OPERANDS = ("query", "value", "key")
_ARGUMENTS = {*_OPERANDS, "attention_mask", "training", "use_causal_mask"}
_PLAIN = {
    "flash_attention": (None, False),
    "sliding_window": (None,),
    "use_gate": (False,),
    "attention_axes": (None, [1], (1,)),
}
_REGULARIZERS = ("activity_regularizer", "bias_regularizer", "kernel_regularizer")


def lower_attention(graph: Graph) -> Graph:
    """Returns a graph whose MultiHeadAttention layers are parts that can be quantized.

    With W the width of a key, the layer is `softmax(Q K' / sqrt(W)) V`, where queries,
    keys and values are Dense layers of the inputs, and another Dense layer of it all.
    The layer `a` becomes the Dense layers `a_query`, `a_key`, `a_value` and `a_output`;
    `Reshape` and `Permute` layers between them (`a_query_heads` and so on); products,
    `a_scores` and `a_context`; `a_softmax`; and `a_dropout`, if it has dropout. The
    kernel and bias of `a_query` are divided by `sqrt(W)`. A layer that is called
    several times becomes parts that are.

    Masked scores are chosen by `ops.where` (`a_masked`) as -1e9. Ranges must be those
    of the scores that are not masked, for -1e9 would leave no numbers for the others:
    behind them it is cut off at the lower end of the range, where it does no harm if
    that lies 8 below them.

    What `attention_obstacle` gives a reason for stays as it is.

    Args:
        graph: A graph without models inside it: see `flatten_models`.

    Example:
    ```python
    import keras
    from tfcompress.graph import lower_attention
    from tfcompress.keras_compat import build, read

    inputs = keras.Input((6, 8))
    attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    model = keras.Model(inputs, attention(inputs, inputs))
    lowered = build(lower_attention(read(model)), keras="keras")
    ```
    """
    masked = masked_nodes(graph)
    kept = {
        node.layer
        for node in graph.nodes
        if graph.layer_of(node).kind == "MultiHeadAttention"
        and _obstacle(graph, node, masked) is not None
    }

    def replacement(node: Node, chain: Chain) -> Tensor | None:
        layer = graph.layer_of(node)
        if layer.kind != "MultiHeadAttention" or layer.name in kept:
            return None
        return _Attention(graph, layer, chain).lower(node)

    return substitute(graph, replacement)


def attention_obstacle(graph: Graph, node: Node) -> str | None:
    """Returns why `lower_attention` leaves a MultiHeadAttention as it is, or None.

    A layer that is called several times stays as it is for the sake of any of them.

    Args:
        graph: A graph without models inside it.
        node: A call of a MultiHeadAttention.

    Example:
    ```python
    import keras
    from tfcompress.graph import attention_obstacle
    from tfcompress.keras_compat import read

    inputs = keras.Input((None, 8))
    attention = keras.layers.MultiHeadAttention(2, 4, name="causal")
    outputs = attention(inputs, inputs, use_causal_mask=True)
    graph = read(keras.Model(inputs, outputs))
    assert "open length" in attention_obstacle(graph, graph.node("causal"))
    ```
    """
    masked = masked_nodes(graph)
    reasons = [_obstacle(graph, call, masked) for call in graph.calls(node.layer)]
    return next((reason for reason in reasons if reason is not None), None)


def _obstacle(graph: Graph, node: Node, masked: Collection[str]) -> str | None:
    layer = graph.layer_of(node)
    parts = ("kernel", "bias") if _has_bias(layer) else ("kernel",)
    expected = {f"{number}/{part}" for number in range(4) for part in parts}
    for key, plain in _PLAIN.items():
        if key in layer.config and layer.config[key] not in plain:
            return f"it has {key}={layer.config[key]!r}"
    if {weight.path for weight in layer.weights} != expected:
        return "its weights are not those of the layer of Keras"
    if layer.weight("3/kernel").ndim != 3:
        return "its outputs have several axes"
    if len(node.arguments) > len(_OPERANDS):
        return "it is called with more than three arguments by place"
    given = _given(node)
    for key in sorted(set(given) - _ARGUMENTS):
        if given[key] is not None and given[key] is not False:
            return f"it is called with {key}"
    if any(tensor.node in masked for tensor in node.inputs()):
        return "its inputs carry a mask that Keras hands on by itself"
    specs = [spec_of(graph, given[key]) for key in _OPERANDS]
    if any(spec is None or len(spec.shape) != 3 for spec in specs):
        return "its inputs are not of three axes"
    if given.get("use_causal_mask") and None in _lengths(graph, node):
        return "it has a causal mask over an open length"
    mask = given.get("attention_mask")
    if mask is None:
        return None
    rank = None
    if isinstance(mask, Tensor):
        spec = spec_of(graph, mask)
        rank = None if spec is None else len(spec.shape)
    return None if rank in (2, 3, 4) else "its attention_mask is no tensor of the graph"


def _given(node: Node) -> dict[str, Any]:
    """Returns the arguments of a call by name; without a key it is the value."""
    given = dict(zip(_OPERANDS, node.arguments, strict=False)) | dict(node.keywords)
    if given.get("key") is None:
        given["key"] = given["value"]
    return given


def _has_bias(layer: Layer) -> bool:
    return bool(layer.config.get("use_bias", True))


def _lengths(graph: Graph, node: Node) -> tuple[int | None, int | None]:
    """Returns how many queries there are, and how many keys."""
    given = _given(node)
    query, key = (spec_of(graph, given[name]) for name in ("query", "key"))
    assert query is not None
    assert key is not None
    return query.shape[1], key.shape[1]


class _Attention:
    """Calls the parts of one call of a MultiHeadAttention."""

    def __init__(self, graph: Graph, layer: Layer, chain: Chain) -> None:
        self.graph = graph
        self.layer = layer
        self.chain = chain
        calls = [_lengths(graph, call) for call in graph.calls(layer)]
        self.targets = tuple(_common(sizes) for sizes in zip(*calls, strict=True))

    def lower(self, node: Node) -> Tensor:
        """Adds all parts, and returns what the last of them returns."""
        given = _given(node)
        spec = spec_of(self.graph, given["query"])
        assert spec is not None
        self.batch, self.dtype = spec.shape[0], spec.dtype
        queries, keys = _lengths(self.graph, node)
        query = self._heads("query", 0, given["query"], queries, (2, 1, 3))
        key = self._heads("key", 1, given["key"], keys, (2, 3, 1))
        value = self._heads("value", 2, given["value"], keys, (2, 1, 3))
        heads, width, _ = self._kernel(3).shape
        square = (heads, queries, keys)
        scores = self._operation("scores", "matmul", (query, key), square)
        scores = self._masked(scores, given, square)
        softmax = Layer(self._name("softmax"), "Softmax", {"axis": -1, **self._dtype()})
        shares = self._call(softmax, (scores,), square)
        rate = self.layer.config.get("dropout", 0.0)
        if rate:
            dropout = Layer(
                self._name("dropout"), "Dropout", {"rate": rate, **self._dtype()}
            )
            shares = self._call(dropout, (shares,), square, _training(given))
        shape = (heads, queries, width)
        context = self._operation("context", "matmul", (shares, value), shape)
        context = self._permute("context_rows", context, (2, 1, 3), shape)
        joined = (queries, heads * width)
        target = (self.targets[0], heads * width)
        context = self._reshape("context_joined", context, target, joined)
        kernel = self._kernel(3).reshape(heads * width, -1)
        return self._dense("output", 3, kernel, context, queries)

    def _heads(
        self,
        part: str,
        number: int,
        tensor: Tensor,
        length: int | None,
        order: tuple[int, int, int],
    ) -> Tensor:
        """Projects an input, and puts its heads before its rows."""
        kernel = self._kernel(number)
        inputs, heads, width = kernel.shape
        flat = kernel.reshape(inputs, heads * width)
        tensor = self._dense(part, number, flat, tensor, length)
        shape = (length, heads, width)
        target = (self.targets[part != "query"], heads, width)
        tensor = self._reshape(f"{part}_heads", tensor, target, shape)
        return self._permute(f"{part}_rows", tensor, order, shape)

    def _masked(
        self,
        scores: Tensor,
        given: dict[str, Any],
        square: tuple[int, int | None, int | None],
    ) -> Tensor:
        """Puts a large negative number in the place of masked scores."""
        condition: Any = None
        if given.get("attention_mask") is not None:
            condition = self._mask(given["attention_mask"])
        if given.get("use_causal_mask"):
            _, queries, keys = square
            assert queries is not None
            assert keys is not None
            causal = np.tri(queries, keys, dtype=bool)[None, None]
            condition = (
                causal
                if condition is None
                else self._boolean("mask_joined", "logical_and", (condition, causal))
            )
        if condition is None:
            return scores
        return self._operation("masked", "where", (condition, scores, _MASKED), square)

    def _mask(self, mask: Tensor) -> Tensor:
        """Returns a mask of four axes: samples, heads, queries, keys."""
        spec = spec_of(self.graph, mask)
        assert spec is not None
        condition = mask
        if spec.dtype != "bool":
            condition = self._boolean("mask", "cast", (mask,), {"dtype": "bool"})
        for axis in range(4 - len(spec.shape)):
            part = f"mask_axis_{axis}"
            settings = {"axis": -3}
            condition = self._boolean(part, "expand_dims", (condition,), settings)
        return condition

    def _kernel(self, number: int) -> np.ndarray:
        return self.layer.weight(f"{number}/kernel")

    def _dense(
        self,
        part: str,
        number: int,
        kernel: np.ndarray,
        tensor: Tensor,
        length: int | None,
    ) -> Tensor:
        """Calls one of the four projections."""
        scale = 1.0
        if part == "query":
            scale = 1.0 / math.sqrt(self.layer.config["key_dim"])
        weights = [Weight("kernel", _scaled(kernel, scale))]
        if _has_bias(self.layer):
            bias = self.layer.weight(f"{number}/bias").reshape(-1)
            weights.append(Weight("bias", _scaled(bias, scale)))
        units = kernel.shape[-1]
        own = self.layer.config
        config = {
            "units": units,
            "use_bias": _has_bias(self.layer),
            **{key: own[key] for key in _REGULARIZERS if own.get(key) is not None},
            **self._dtype(),
        }
        name = self._name(part)
        dense = Layer(name, "Dense", config, tuple(weights), self.layer.trainable)
        return self._call(dense, (tensor,), (length, units))

    def _reshape(
        self, part: str, tensor: Tensor, target: tuple[int, ...], shape: Any
    ) -> Tensor:
        config = {"target_shape": target, **self._dtype()}
        return self._call(Layer(self._name(part), "Reshape", config), (tensor,), shape)

    def _permute(
        self, part: str, tensor: Tensor, order: tuple[int, int, int], shape: Any
    ) -> Tensor:
        config = {"dims": order, **self._dtype()}
        permuted = tuple(shape[axis - 1] for axis in order)
        layer = Layer(self._name(part), "Permute", config)
        return self._call(layer, (tensor,), permuted)

    def _operation(self, part: str, name: str, arguments: Any, shape: Any) -> Tensor:
        return self._call(Layer(self._name(part), f"ops.{name}"), arguments, shape)

    def _boolean(
        self, part: str, name: str, arguments: Any, config: Any = None
    ) -> Tensor:
        layer = Layer(self._name(part), f"ops.{name}", config or {})
        return self.chain.call(layer, arguments, None)

    def _call(
        self, layer: Layer, arguments: Any, shape: Any, keywords: Any = None
    ) -> Tensor:
        spec = TensorSpec((self.batch, *shape), self.dtype)
        return self.chain.call(layer, arguments, spec, keywords)

    def _name(self, part: str) -> str:
        return self.chain.part(part)

    def _dtype(self) -> dict[str, Any]:
        config = self.layer.config
        return {"dtype": config["dtype"]} if "dtype" in config else {}


def _common(sizes: Collection[int | None]) -> int:
    """Returns the size that all calls have, or -1 for any."""
    size = next(iter(sizes))
    return -1 if size is None or len(set(sizes)) > 1 else size


def _scaled(values: np.ndarray, scale: float) -> np.ndarray:
    return (values * scale).astype(values.dtype)


def _training(given: dict[str, Any]) -> dict[str, Any]:
    training = given.get("training")
    return {} if training is None else {"training": training}
