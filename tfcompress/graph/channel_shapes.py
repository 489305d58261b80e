"""How channels move when a tensor is reshaped, transposed, split or sliced."""

import math
from typing import Any

import numpy as np

from tfcompress.graph.channel_trace import ChannelCall, Rule

# Stands for sizes that are not fixed, batch first, while positions are followed.
_SIZES = (7, 5, 3)


def _reshape(call: ChannelCall) -> None:
    """Follows every position through a change of shape that keeps their order.

    Flatten interleaves: channel c of a map of H x W x C lands on {p C + c}. Where the
    channels are cut into several axes, those at one place of the last become one.
    """
    tensor = call.inputs[0]
    labels = call.labels(tensor)
    if labels.ids is None or not labels.movable:
        call.fix_all()
        return
    if len(call.inputs) > 1:
        raise call.unfit("takes its shape from a tensor")
    if "squeeze" in call.layer.kind and call.argument("axis", 1) is None:
        raise call.unfit("does not say which axis goes")
    call.called_once()
    shape, target = call.shape(tensor), call.shape(call.outputs[0])
    sizes = iter(_SIZES)
    known = [next(sizes) if size is None else size for size in shape]
    wanted = _resolved(target, shape, known)
    if wanted is None:
        raise call.unfit("returns a shape that is not known")
    roots = call.trace.numbers.roots(labels.ids)
    along = [-1 if axis == labels.axis else 1 for axis in range(len(known))]
    full = np.broadcast_to(np.arange(len(roots)).reshape(along), known).reshape(wanted)
    axes = [axis for axis, size in enumerate(target) if size is not None and axis]
    axes.sort(key=lambda axis: (wanted[axis] != len(roots), -axis))
    for axis in axes:
        line = np.moveaxis(full, axis, -1).reshape(-1, wanted[axis])
        if (roots[line] == roots[line[0]]).all():
            call.set(labels.ids[line[0]], axis)
            return
    lines = np.unique(full.reshape(-1, wanted[-1]), axis=0)
    counts = [len(np.unique(roots[column])) for column in lines.T]
    if target[-1] is None or sum(counts) != len(np.unique(roots[lines])):
        raise call.unfit("spreads the channels over several axes")
    for line in lines[1:]:
        call.join(labels.ids[lines[0]], labels.ids[line])
    call.set(labels.ids[lines[0]], len(target) - 1)


def _resolved(
    target: tuple[int | None, ...], shape: tuple[int | None, ...], known: list[int]
) -> list[int] | None:
    """Returns the target with sizes in place of None, or None if they are unclear."""
    wanted = list(target)
    if wanted and wanted[0] is None and shape[0] is None and wanted.count(None) > 1:
        wanted[0] = known[0]
    total = math.prod(known)
    if wanted.count(None) == 1:
        rest = math.prod(size for size in wanted if size is not None)
        if not rest or total % rest:
            return None
        wanted[wanted.index(None)] = total // rest
    if None in wanted or math.prod(s for s in wanted if s is not None) != total:
        return None
    return [size for size in wanted if size is not None]


def _transpose(call: ChannelCall) -> None:
    labels, rank = call.labels(call.inputs[0]), len(call.shape(call.inputs[0]))
    if labels.ids is None or not labels.movable:
        call.fix_all()
        return
    if call.layer.kind == "Permute":
        axes = [0, *call.config["dims"]]
    else:
        name = "axes" if call.layer.kind == "ops.transpose" else "perm"
        axes = call.argument(name, 1) or list(range(rank))[::-1]
    call.set(labels.ids, [axis % rank for axis in axes].index(labels.axis))


def _move_axes(call: ChannelCall) -> None:
    """Follows what exchanges two axes, or moves one or several."""
    labels, rank = call.labels(call.inputs[0]), len(call.shape(call.inputs[0]))
    if labels.ids is None or not labels.movable:
        call.fix_all()
        return
    swaps = call.layer.kind == "ops.swapaxes"
    names = ("axis1", "axis2") if swaps else ("source", "destination")
    first, second = (call.argument(name, 1 + n) for n, name in enumerate(names))
    move = np.swapaxes if swaps else np.moveaxis
    axes = move(np.empty(range(rank)), first, second).shape  # Each size is its axis.
    call.set(labels.ids, axes.index(labels.axis))


def _flip(call: ChannelCall) -> None:
    labels, rank = call.labels(call.inputs[0]), len(call.shape(call.inputs[0]))
    if labels.ids is None or not labels.movable:
        call.fix_all()
        return
    axis = call.argument("axis", 1)
    axes = [axis] if isinstance(axis, int) else range(rank) if axis is None else axis
    turned = labels.axis in [item % rank for item in axes]
    call.set(labels.ids[::-1] if turned else labels.ids, labels.axis)


def _repeat(call: ChannelCall) -> None:
    labels, rank = call.labels(call.inputs[0]), len(call.shape(call.inputs[0]))
    if labels.ids is None or not labels.movable:
        call.fix_all()
        return
    axis = call.argument("axis", 2)
    if axis is None or axis % rank == labels.axis:
        raise call.unfit("repeats channels")
    call.set(labels.ids, labels.axis)


def _split(call: ChannelCall) -> None:
    labels, rank = call.labels(call.inputs[0]), len(call.shape(call.inputs[0]))
    if labels.ids is None or not labels.movable:
        call.fix_all()
        return
    axis = call.argument("axis", 2, 0) % rank
    start = 0
    for index, tensor in enumerate(call.outputs):
        if axis != labels.axis:
            call.set(labels.ids, labels.axis, index)
            continue
        call.called_once()
        size = call.shape(tensor)[axis] or 0
        call.set(labels.ids[start : start + size], axis, index)
        start += size


def _get_item(call: ChannelCall) -> None:
    """Follows slices without a step; others freeze what they cut."""
    labels, rank = call.labels(call.inputs[0]), len(call.shape(call.inputs[0]))
    if labels.ids is None or not labels.movable:
        call.fix_all()
        return
    if len(call.inputs) > 1:
        raise call.unfit("takes its place from a tensor")
    keys = full_key(call.argument("key", 1), rank)
    if keys is None or any(not isinstance(key, int | slice) for key in keys):
        raise call.unfit("adds or gathers axes")
    key = keys[labels.axis]
    if isinstance(key, int) or key.step not in (None, 1):
        raise call.unfit("takes single channels, or every so many")
    axis = sum(isinstance(item, slice) for item in keys[: labels.axis])
    call.set(labels.ids[key], axis)


def full_key(key: Any, rank: int) -> list[Any] | None:
    """Returns the entries of an index for each axis, or None if it is too long."""
    keys = list(key) if isinstance(key, list | tuple) else [key]
    dots = [n for n, item in enumerate(keys) if item is Ellipsis]
    if not dots:
        keys.append(Ellipsis)
        dots = [len(keys) - 1]
    missing = rank - (len(keys) - 1)
    if missing < 0 or len(dots) > 1:
        return None
    place = dots[0]
    return keys[:place] + [slice(None)] * missing + keys[place + 1 :]


def _pad(call: ChannelCall) -> None:
    labels = call.labels(call.inputs[0])
    if labels.ids is None or not labels.movable:
        call.fix_all()
        return
    name = "pad_width" if call.layer.kind == "ops.pad" else "paddings"
    widths = call.argument(name, 1)
    if isinstance(widths, int) or len(widths) != len(call.shape(call.inputs[0])):
        raise call.unfit("adds channels")
    before, after = widths[labels.axis]
    if before or after:
        raise call.unfit("adds channels")
    call.set(labels.ids, labels.axis)


SHAPE_RULES: dict[str, Rule] = {
    **dict.fromkeys(["Flatten", "Reshape", "ops.reshape", "tf.reshape"], _reshape),
    **dict.fromkeys(["ops.expand_dims", "ops.squeeze"], _reshape),
    **dict.fromkeys(["tf.expand_dims", "tf.compat.v1.squeeze"], _reshape),
    **dict.fromkeys(["Permute", "ops.transpose", "tf.compat.v1.transpose"], _transpose),
    **dict.fromkeys(["ops.moveaxis", "ops.swapaxes"], _move_axes),
    "ops.flip": _flip,
    "ops.repeat": _repeat,
    **dict.fromkeys(["ops.split", "tf.split"], _split),
    **dict.fromkeys(["ops.get_item", "tf.__operators__.getitem"], _get_item),
    **dict.fromkeys(["ops.pad", "tf.compat.v1.pad"], _pad),
}
