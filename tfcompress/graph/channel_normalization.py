"""How layers that scale each channel, or all of them together, hand channels on."""

import numpy as np

from tfcompress.graph.channel_labels import FIXED
from tfcompress.graph.channel_trace import ChannelCall, Rule


def _batch_normalization(call: ChannelCall) -> None:
    labels, shape = call.labels(call.inputs[0]), call.shape(call.inputs[0])
    axis = call.config["axis"]
    if labels.movable and axis % len(shape) != labels.axis:
        raise call.unfit("normalizes another axis")
    if labels.ids is None or not labels.movable:
        call.fix_all()
        return
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    call.weights(labels.ids, "carrier", dict.fromkeys(names, 0))
    call.set(labels.ids, labels.axis)


def _layer_normalization(call: ChannelCall) -> None:
    """Couples the vectors; its sum over the channels changes when one goes."""
    ids = _normalized(call)
    call.weights(ids, "carrier", {"gamma": 0, "beta": 0, "scale": 0})
    _note_statistics(call, ids)
    call.set(ids)


def _normalized(call: ChannelCall) -> np.ndarray:
    """Returns the channels on the one axis that is normalized, which is the last."""
    given = call.config.get("axis", -1)
    axes = given if isinstance(given, list | tuple) else [given]
    rank = len(call.shape(call.inputs[0]))
    if [axis % rank for axis in axes] != [rank - 1]:
        raise call.unfit("normalizes other axes than the last")
    return call.last(call.inputs[0])


def _note_statistics(call: ChannelCall, ids: np.ndarray) -> None:
    """Notes channels over which the layer computes a mean, or a length."""
    noted = call.trace.statistics
    noted[call.name] = np.union1d(noted.get(call.name, ids), ids)


def _group_normalization(call: ChannelCall) -> None:
    """Couples the channels at the same place of every group, as grouped kernels do."""
    ids, groups = _normalized(call), call.config["groups"]
    if groups not in (-1, len(ids)):  # Else each channel is normalized alone.
        first, *others = ids.reshape(groups, -1)
        for other in others:
            call.join(first, other)
        _note_statistics(call, ids)
    call.weights(ids, "carrier", {"gamma": 0, "beta": 0})
    call.set(ids)


def _layer_scale(call: ChannelCall) -> None:
    """Follows the one vector of the layer, which has no name in Keras 3."""
    ids = call.last(call.inputs[0])
    call.weights(ids, "carrier", {weight.path: 0 for weight in call.layer.weights})
    call.set(ids)


def _prelu(call: ChannelCall) -> None:
    labels = call.labels(call.inputs[0])
    if labels.ids is None or not labels.movable:
        call.fix_all()
        return
    if labels.axis == 0:
        raise call.unfit("has channels on the batch")
    size = call.layer.weight("alpha").shape[labels.axis - 1]
    shared = size == 1  # One number for all channels.
    ids = np.array([FIXED]) if shared else labels.ids
    call.weights(ids, "carrier", {"alpha": labels.axis - 1})
    call.set(labels.ids, labels.axis)


def _normalization(call: ChannelCall) -> None:
    ids = call.last(call.inputs[0])
    if (ids != FIXED).any():
        if call.config.get("mean") is not None or call.config.get("invert"):
            raise call.unfit("has its mean as an argument")
        if any(w.value.shape == (len(ids),) for w in call.layer.weights):
            call.weights(ids, "carrier", {"mean": 0, "variance": 0})
        else:
            raise call.unfit("normalizes other axes than the last")
    call.set(ids)


NORMALIZATION_RULES: dict[str, Rule] = {
    "BatchNormalization": _batch_normalization,
    **dict.fromkeys(
        ["LayerNormalization", "RMSNormalization", "UnitNormalization"],
        _layer_normalization,
    ),
    "GroupNormalization": _group_normalization,
    "LayerScale": _layer_scale,
    "PReLU": _prelu,
    "Normalization": _normalization,
}
