"""How layers and operations without weights hand channels on and join them."""

from typing import Any

import numpy as np

from tfcompress.graph.channel_labels import FIXED
from tfcompress.graph.channel_layers import ELEMENTWISE_ACTIVATIONS
from tfcompress.graph.channel_trace import ChannelCall, Rule
from tfcompress.graph.graph import Tensor


def _elementwise(call: ChannelCall) -> None:
    """Hands on the channels of one tensor, each number alone."""
    if len(call.inputs) != 1:
        raise call.unfit("takes several tensors")
    given = [*call.node.arguments, *call.node.keywords.values(), *call.config.values()]
    if any(isinstance(item, np.ndarray) and item.ndim for item in given):
        raise call.unfit("has a number for each channel")
    labels = call.labels(call.inputs[0])
    noise = call.config.get("noise_shape")
    if noise and labels.movable and noise[labels.axis] not in (None, 1):
        raise call.unfit("has a noise_shape with a number for each channel")
    if labels.ids is None or not labels.movable:
        call.fix_all()
    else:
        call.set(labels.ids, labels.axis)


def _activation(call: ChannelCall) -> None:
    name = call.config["activation"]
    labels = call.labels(call.inputs[0])
    if labels.movable and name not in ELEMENTWISE_ACTIVATIONS:
        raise call.unfit(f"has the activation {name!r}")
    _elementwise(call)


def _softmax(call: ChannelCall) -> None:
    """Hands on what does not lie on the axis over which shares are computed."""
    labels, rank = call.labels(call.inputs[0]), len(call.shape(call.inputs[0]))
    axis = call.argument("axis", 1, -1)
    axes = axis if isinstance(axis, list | tuple) else [axis]
    if labels.movable and labels.axis in [item % rank for item in axes]:
        raise call.unfit("divides by the sum over the channels")
    _elementwise(call)


def _spatial(call: ChannelCall) -> None:
    """Hands on the last axis: pooling, padding, cropping, upsampling, repeating."""
    call.set(call.last(call.inputs[0]))


def _masking(call: ChannelCall) -> None:
    """Hands on the last axis; a step of zeros is masked with more zeros or fewer."""
    if call.labels(call.inputs[0]).movable and call.config.get("mask_value"):
        raise call.unfit("masks by the value of all channels")
    call.set(call.last(call.inputs[0]))


def _rescaling(call: ChannelCall) -> None:
    one_number = all(np.ndim(call.config[key]) == 0 for key in ("scale", "offset"))
    if call.labels(call.inputs[0]).movable and not one_number:
        raise call.unfit("has a number for each channel")
    _elementwise(call)


def _broadcast(call: ChannelCall) -> None:
    """Joins the channels of all operands; an axis of size 1 is spread, not joined."""
    operands = _operands(call)
    places = {
        call.labels(item).axis - len(call.shape(item))
        for item in operands
        if isinstance(item, Tensor) and call.labels(item).movable
    }
    if not places:
        call.fix_all()
        return
    shape = call.shape(call.outputs[0])
    wide = {place for place in places if shape[place] != 1} or places
    if len(wide) != 1:
        raise call.unfit("joins channels that lie on different axes")
    (place,) = wide
    size = shape[place]
    if size is None:
        raise call.unfit("returns an unknown number of channels")
    found = [i for item in operands if (i := _ids_at(call, item, place)) is not None]
    found = [ids for ids in found if len(ids) == size]
    for other in found[1:]:
        call.join(found[0], other)
    call.set(found[0], place)


def _ids_at(call: ChannelCall, item: Any, place: int) -> np.ndarray | None:
    """Returns the channels of an operand on an axis that is counted from the end."""
    shape = call.shape(item) if isinstance(item, Tensor) else np.shape(item)
    if len(shape) < -place:
        return None
    size = shape[place]
    if size is None:
        raise call.unfit("has an input of unknown size")
    if isinstance(item, Tensor):
        labels = call.labels(item)
        if labels.movable and labels.axis - len(shape) == place:
            return labels.ids
    return np.full(size, FIXED)


def _operands(call: ChannelCall) -> list[Any]:
    """Returns the tensors and constants that a call joins."""
    found: list[Any] = []
    for value in call.node.arguments:
        found += value if isinstance(value, list | tuple) else [value]
    for key, value in call.node.keywords.items():
        if key in ("x", "x1", "x2", "y") and value is not None:
            found.append(value)
        elif isinstance(value, Tensor):
            raise call.unfit(f"takes a tensor as {key!r}")
    return [
        item for item in found if item is not None and not isinstance(item, str | bool)
    ]


def _concatenate(call: ChannelCall) -> None:
    rank = len(call.shape(call.outputs[0]))
    axis = call.argument("axis", 1, -1) % rank
    if not any(call.labels(item).movable for item in call.inputs):
        call.fix_all()
        return
    place = _common_axis(call)
    parts = [call.along(item, place) for item in call.inputs]
    if axis == place:
        call.set(np.concatenate(parts), place)
        return
    for other in parts[1:]:
        call.join(parts[0], other)
    call.set(parts[0], place)


def _stack(call: ChannelCall) -> None:
    rank = len(call.shape(call.outputs[0]))
    axis = call.argument("axis", 1, 0) % rank
    if not any(call.labels(item).movable for item in call.inputs):
        call.fix_all()
        return
    place = _common_axis(call)
    parts = [call.along(item, place) for item in call.inputs]
    for other in parts[1:]:
        call.join(parts[0], other)
    call.set(parts[0], place + (axis <= place))


def _common_axis(call: ChannelCall) -> int:
    """Returns the axis on which all inputs have their channels."""
    labels = [call.labels(item) for item in call.inputs]
    places = {item.axis for item in labels if item.movable}
    if len(places) != 1:
        raise call.unfit("joins channels that lie on different axes")
    return places.pop()


def _reduce(call: ChannelCall) -> None:
    """Hands on the channels that a mean or the like leaves alone."""
    tensor = call.inputs[0]
    labels, rank = call.labels(tensor), len(call.shape(tensor))
    axis = call.argument("axis", 1)
    axes = [axis] if isinstance(axis, int) else range(rank) if axis is None else axis
    reduced = sorted(item % rank for item in axes)
    if labels.ids is None or not labels.movable:
        call.fix_all()
    elif labels.axis in reduced:
        raise call.unfit("is computed over the channels")
    else:
        kept = call.argument("keepdims", 2, False)
        before = 0 if kept else sum(item < labels.axis for item in reduced)
        call.set(labels.ids, labels.axis - before)


def _dot(call: ChannelCall) -> None:
    """Joins two tensors whose channels are multiplied and summed."""
    first, second = call.inputs
    axes = call.config["axes"]
    one, other = (axes, axes) if isinstance(axes, int) else axes
    for tensor, axis in ((first, one), (second, other)):
        labels = call.labels(tensor)
        if labels.movable and axis % len(call.shape(tensor)) != labels.axis:
            raise call.unfit("does not sum over the channels")
    if call.labels(first).movable or call.labels(second).movable:
        if call.config.get("normalize"):
            raise call.unfit("divides by the length")
        places = (one % len(call.shape(first)), other % len(call.shape(second)))
        call.join(call.along(first, places[0]), call.along(second, places[1]))
    call.fix_all()


def _matmul(call: ChannelCall) -> None:
    """Joins what is multiplied and summed, and hands on what is not."""
    if len(call.inputs) != 2 or call.node.keywords:
        raise call.unfit("does not multiply two tensors as they are")
    first, second = call.inputs
    one, other = (call.labels(tensor) for tensor in call.inputs)
    place, other_place = (
        call.labels(tensor).axis - len(call.shape(tensor)) for tensor in call.inputs
    )
    if (one.movable and place == -1) or (other.movable and other_place == -2):
        rank, other_rank = len(call.shape(first)), len(call.shape(second))
        call.join(call.along(first, rank - 1), call.along(second, other_rank - 2))
    call.fix_all()
    if one.movable and place == -2 and other.movable and other_place == -1:
        raise call.unfit("returns channels on two axes")
    for labels, found, kept in ((one, place, -2), (other, other_place, -1)):
        if labels.movable and found == kept and labels.ids is not None:
            call.set(labels.ids, kept)
        elif labels.movable and found not in (-1, -2):
            raise call.unfit("multiplies each channel alone")


_ELEMENTWISE_LAYERS = [
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "ELU",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "LeakyReLU",
    "ReLU",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "StochasticDepth",
]

_ELEMENTWISE_OPERATIONS = [
    *("abs", "absolute", "arccos", "arccosh", "arcsin", "arcsinh"),
    *("arctan", "arctanh", "cast", "cbrt", "ceil", "clip"),
    *("clip_by_value", "copy", "cos", "cosh", "erf", "erfinv"),
    *("exp", "exp2", "expm1", "floor", "identity", "isfinite"),
    *("isinf", "isnan", "log", "log10", "log1p", "log2"),
    *("logical_not", "nan_to_num", "negative", "reciprocal", "round", "rsqrt"),
    *("sign", "sin", "sinh", "sqrt", "square", "stop_gradient"),
    *("tan", "trunc"),
]

_SPATIAL_LAYERS = [
    *(
        f"{name}{axes}D"
        for axes in (1, 2, 3)
        for name in ("MaxPooling", "AveragePooling", "ZeroPadding", "Cropping")
    ),
    *(f"UpSampling{axes}D" for axes in (1, 2, 3)),
    *(f"AdaptiveAveragePooling{axes}D" for axes in (1, 2, 3)),
    *(f"AdaptiveMaxPooling{axes}D" for axes in (1, 2, 3)),
    "Resizing",
    "CenterCrop",
    "RepeatVector",
]

_POOLING = [
    f"Global{name}Pooling{axes}D" for axes in (1, 2, 3) for name in ("Average", "Max")
]

_JOINS = [
    *("add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum"),
    *("power", "mod", "floor_divide", "squared_difference", "where"),
    *("equal", "not_equal", "greater", "greater_equal", "less", "less_equal"),
    *("logical_and", "logical_or"),
]

_REDUCTIONS = ["mean", "sum", "max", "min", "std", "var", "prod"]

OPERATION_RULES: dict[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE_LAYERS, _elementwise),
    **{
        f"{place}.{name}": _elementwise
        for place in ("ops", "tf", "tf.math", "tf.nn")
        for name in [*_ELEMENTWISE_OPERATIONS, *ELEMENTWISE_ACTIVATIONS]
    },
    "Activation": _activation,
    **dict.fromkeys(
        ["Softmax", "ops.softmax", "ops.log_softmax", "tf.nn.softmax"], _softmax
    ),
    **dict.fromkeys(_SPATIAL_LAYERS, _spatial),
    **dict.fromkeys(_POOLING, _spatial),
    **dict.fromkeys(["ops.image.resize", "ops.max_pool", "ops.average_pool"], _spatial),
    "Masking": _masking,
    "Rescaling": _rescaling,
    **dict.fromkeys(
        ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"], _broadcast
    ),
    "CustomScaleLayer": _broadcast,  # The weighted sum of InceptionResNetV2.
    **{f"ops.{name}": _broadcast for name in _JOINS},
    **{f"tf.math.{name}": _broadcast for name in _JOINS},
    "tf.__operators__.add": _broadcast,
    **dict.fromkeys(["Concatenate", "ops.concatenate", "tf.concat"], _concatenate),
    **dict.fromkeys(["ops.stack", "tf.stack"], _stack),
    **{f"ops.{name}": _reduce for name in _REDUCTIONS},
    **{f"tf.math.reduce_{name}": _reduce for name in _REDUCTIONS},
    "Dot": _dot,
    **dict.fromkeys(["ops.matmul", "tf.linalg.matmul"], _matmul),
}
