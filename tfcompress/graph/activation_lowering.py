"""Writes activations as operations that TFLite computes in integers."""

import dataclasses
from collections.abc import Callable
from typing import Any

from tfcompress.graph.graph import Graph, Layer, Node, Tensor, TensorSpec
from tfcompress.graph.implicit_masks import masked_nodes
from tfcompress.graph.substitution import Chain, spec_of, substitute

_SELU_SCALE = 1.05070098735548049342
_SELU_ALPHA = 1.67326324235437728482


def lower_activations(graph: Graph) -> Graph:
    """Returns a graph whose activations can be computed in integers, step by step.

    TFLite has one integer operation for relu, relu6, leaky_relu, prelu, sigmoid, tanh,
    gelu, exponential, hard_tanh, softmax and log_softmax; they stay as they are. Others
    become float operations in a quantized file, unless every step of theirs is an
    operation, and a tensor with a range, of its own. Those steps are chosen for speed
    and for small ranges:

    - `hard_sigmoid`, also that of tf_keras, and `sparse_sigmoid`: `relu6(a x + 3) / 6`
    - `silu`: `x * sigmoid(x)`; `hard_silu`: `x * hard_sigmoid(x)`
    - `softplus`: `max(x, 0) - log(sigmoid(|x|))`; `log_sigmoid`: `min(x, 0) +
      log(sigmoid(|x|))`; `mish`: `x * tanh(softplus(x))`
    - `elu`, `celu` and `selu`: `max(x, 0) + alpha * (exp(min(x, 0)) - 1)`
    - `softsign`: `x * exp(-log(1 + |x|))`; `tanh_shrink`: `x - tanh(x)`
    - `squareplus`: `(x + sqrt(x * x + b)) / 2`
    - a `ReLU` with another maximum than 6: `maximum - relu(maximum - relu(x))`

    A product with a number is a `Rescaling`, which `lower_normalizations` would make a
    convolution: that pass goes first. The last step keeps the name of the activation,
    those before it have names that begin with it.

    Activations inside other layers are left alone: see `split_activations`. So is what
    carries a mask, which operations do not hand on.

    Args:
        graph: A graph without models inside it: see `flatten_models`.

    Example:
    ```python
    import keras
    from tfcompress.graph import lower_activations, split_activations
    from tfcompress.keras_compat import build, read

    dense = keras.layers.Dense(2, activation="softplus")
    graph = split_activations(read(keras.Sequential([keras.Input((4,)), dense])))
    lowered = build(lower_activations(graph), keras="keras")
    ```
    """
    masked = masked_nodes(graph)

    def replacement(node: Node, chain: Chain) -> Tensor | None:
        layer = graph.layer_of(node)
        steps = _steps(layer)
        alone = len(node.arguments) == 1 and isinstance(node.arguments[0], Tensor)
        if steps is None or not alone or node.keywords or node.name in masked:
            return None
        tensor = node.arguments[0]
        spec = node.outputs[0] if node.outputs else spec_of(graph, tensor)
        return steps(_Parts(chain, layer, spec), tensor)

    return substitute(graph, replacement)


@dataclasses.dataclass(frozen=True)
class _Parts:
    """Calls the parts of one activation, all on tensors of the same shape."""

    chain: Chain
    layer: Layer
    spec: TensorSpec | None

    def operation(self, part: str, name: str, *arguments: Any) -> Tensor:
        """Calls an operation; without a part it is the last."""
        return self._call(part, f"ops.{name}", {}, arguments)

    def activation(self, part: str, name: str, tensor: Tensor) -> Tensor:
        """Calls an activation of a single operation."""
        return self._call(part, "Activation", {"activation": name}, (tensor,))

    def scaled(self, part: str, tensor: Tensor, scale: float) -> Tensor:
        """Multiplies by a number."""
        config = {"scale": scale, "offset": 0.0}
        return self._call(part, "Rescaling", config, (tensor,))

    def relu(self, part: str, tensor: Tensor, **settings: float) -> Tensor:
        """Calls a ReLU."""
        return self._call(part, "ReLU", settings, (tensor,))

    def _call(self, part: str, kind: str, config: Any, arguments: Any) -> Tensor:
        name = self.chain.part(part) if part else self.layer.name
        if not kind.startswith("ops.") and "dtype" in self.layer.config:
            config = {**config, "dtype": self.layer.config["dtype"]}
        return self.chain.call(Layer(name, kind, config), arguments, self.spec)


Steps = Callable[[_Parts, Tensor], Tensor]


def _hard_sigmoid(parts: _Parts, x: Tensor, slope: float, last: str = "") -> Tensor:
    scaled = x if slope == 1.0 else parts.scaled("scaled", x, slope)
    shifted = parts.operation("shifted", "add", scaled, 3.0)
    bounded = parts.relu("bounded", shifted, max_value=6.0)
    return parts.scaled(last, bounded, 1.0 / 6.0)


def _hard_silu(parts: _Parts, x: Tensor) -> Tensor:
    gate = _hard_sigmoid(parts, x, 1.0, "gate")
    return parts.operation("", "multiply", x, gate)


def _silu(parts: _Parts, x: Tensor) -> Tensor:
    gate = parts.activation("gate", "sigmoid", x)
    return parts.operation("", "multiply", x, gate)


def _signs(parts: _Parts, x: Tensor) -> tuple[Tensor, Tensor]:
    """Returns `max(-x, 0)` and `max(x, 0)`.

    A ReLU costs nothing behind a product, and much where it stands alone; MINIMUM
    cannot change the scale.
    """
    opposite = parts.scaled("opposite", x, -1.0)
    negative = parts.relu("negative", opposite)
    return negative, parts.operation("positive", "add", x, negative)


def _log_of_gate(parts: _Parts, negative: Tensor, positive: Tensor) -> Tensor:
    """Returns `log(sigmoid(|x|))`, which lies between -0.7 and 0."""
    absolute = parts.operation("absolute", "add", positive, negative)
    gate = parts.activation("gate", "sigmoid", absolute)
    return parts.operation("log", "log", gate)


def _softplus(parts: _Parts, x: Tensor, last: str = "") -> Tensor:
    negative, positive = _signs(parts, x)
    log = _log_of_gate(parts, negative, positive)
    return parts.operation(last, "subtract", positive, log)


def _log_sigmoid(parts: _Parts, x: Tensor) -> Tensor:
    negative, positive = _signs(parts, x)
    log = _log_of_gate(parts, negative, positive)
    return parts.operation("", "subtract", log, negative)


def _mish(parts: _Parts, x: Tensor) -> Tensor:
    softplus = _softplus(parts, x, "softplus")
    gate = parts.activation("tanh", "tanh", softplus)
    return parts.operation("", "multiply", x, gate)


def _elu(parts: _Parts, x: Tensor, alpha: float, scale: float = 1.0) -> Tensor:
    _, positive = _signs(parts, x)
    curve = parts.operation("minimum", "subtract", x, positive)
    curve = parts.operation("exponential", "exp", curve)
    curve = parts.operation("below", "add", curve, -1.0)
    if alpha != 1.0:
        curve = parts.scaled("steeper", curve, alpha)
    if scale == 1.0:
        return parts.operation("", "add", positive, curve)
    joined = parts.operation("unscaled", "add", positive, curve)
    return parts.scaled("", joined, scale)


def _softsign(parts: _Parts, x: Tensor) -> Tensor:
    negative, positive = _signs(parts, x)
    absolute = parts.operation("absolute", "add", positive, negative)
    divisor = parts.operation("divisor", "add", absolute, 1.0)
    log = parts.operation("log", "log", divisor)
    exponent = parts.scaled("exponent", log, -1.0)
    inverse = parts.operation("inverse", "exp", exponent)
    return parts.operation("", "multiply", x, inverse)


def _tanh_shrink(parts: _Parts, x: Tensor) -> Tensor:
    return parts.operation("", "subtract", x, parts.activation("tanh", "tanh", x))


def _squareplus(parts: _Parts, x: Tensor, b: float) -> Tensor:
    square = parts.operation("square", "multiply", x, x)
    shifted = parts.operation("shifted", "add", square, float(b))
    root = parts.operation("root", "sqrt", shifted)
    total = parts.operation("sum", "add", x, root)
    return parts.scaled("", total, 0.5)


def _bounded_relu(parts: _Parts, x: Tensor, slope: float, maximum: float) -> Tensor:
    settings = {"negative_slope": slope} if slope else {}
    unbounded = parts.relu("unbounded", x, **settings)
    difference = parts.operation("difference", "subtract", maximum, unbounded)
    gap = parts.relu("gap", difference)
    return parts.operation("", "subtract", maximum, gap)


_STEPS: dict[str, Steps] = {
    "celu": lambda parts, x: _elu(parts, x, 1.0),
    "elu": lambda parts, x: _elu(parts, x, 1.0),
    "hard_sigmoid": lambda parts, x: _hard_sigmoid(parts, x, 1.0),
    "hard_silu": _hard_silu,
    "log_sigmoid": _log_sigmoid,
    "mish": _mish,
    "selu": lambda parts, x: _elu(parts, x, _SELU_ALPHA, _SELU_SCALE),
    "silu": _silu,
    "softplus": _softplus,
    "softsign": _softsign,
    "sparse_sigmoid": lambda parts, x: _hard_sigmoid(parts, x, 3.0),
    "squareplus": lambda parts, x: _squareplus(parts, x, 4.0),
    "tanh_shrink": _tanh_shrink,
    "tf_keras_hard_sigmoid": lambda parts, x: _hard_sigmoid(parts, x, 1.2),
}
_OTHER_NAMES = {"hard_swish": "hard_silu", "swish": "silu", "logsigmoid": "log_sigmoid"}
_TENSORFLOW_KINDS = {
    "tf.math.softplus",
    "tf.nn.elu",
    "tf.nn.selu",
    "tf.nn.silu",
    "tf.nn.softplus",
    "tf.nn.softsign",
    "tf.nn.swish",
}


def _steps(layer: Layer) -> Steps | None:
    """Returns the steps of a layer that is nothing but an activation, or None."""
    config = layer.config
    if layer.kind == "ELU" or layer.kind == "ops.elu":
        alpha = float(config.get("alpha", 1.0))
        return lambda parts, x: _elu(parts, x, alpha)
    if layer.kind == "ReLU":
        return _steps_of_relu(layer)
    if layer.kind == "ops.squareplus":
        return lambda parts, x: _squareplus(parts, x, config.get("b", 4.0))
    if layer.kind == "ops.celu" and config.get("alpha", 1.0) != 1.0:
        return None
    if layer.kind == "Activation":
        name = config["activation"]
    elif layer.kind.startswith("ops."):
        name = layer.kind.removeprefix("ops.")
    elif layer.kind in _TENSORFLOW_KINDS:
        name = layer.kind.rsplit(".", 1)[-1]
    else:
        return None
    if not isinstance(name, str):
        return None
    return _STEPS.get(_OTHER_NAMES.get(name, name))


def _steps_of_relu(layer: Layer) -> Steps | None:
    maximum = layer.config.get("max_value")
    slope = float(layer.config.get("negative_slope") or 0.0)
    if maximum is None or layer.config.get("threshold"):
        return None
    if maximum == 6.0 and not slope:
        return None
    return lambda parts, x: _bounded_relu(parts, x, slope, float(maximum))
