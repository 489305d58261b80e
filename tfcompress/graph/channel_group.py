"""Channels that can be removed from a model."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfcompress.errors import ArgumentError


@dataclasses.dataclass(frozen=True, eq=False)
class ChannelSlice:
    """The place of a group's channels on one axis of one weight.

    Attributes:
        layer: Name of the layer.
        path: Path of the weight in the layer, as in `Weight`.
        axis: The axis.
        role: `"producer"`, `"carrier"` or `"consumer"`: whether the layer makes the
            channels, hands them on, or takes them in.
        channels: For each index on the axis the channel of the group that it belongs
            to, or -1 if it belongs to another group or to none.
    """

    layer: str
    path: str
    axis: int
    role: str
    channels: np.ndarray

    def indices(self, channel: int) -> np.ndarray:
        """Returns the indices on the axis that belong to one channel."""
        return np.flatnonzero(self.channels == channel)


@dataclasses.dataclass(frozen=True, eq=False)
class ChannelGroup:
    """Channels of the same kind, each of which is removed everywhere at once.

    Removing channel c means removing the indices `slice.indices(c)` of each slice.
    `tfcompress.graph.remove_channels` does it. The channels of a group lie on the same
    weights and tensors, so something stays of each as long as one channel stays.

    Attributes:
        name: Name of the layer that makes the channels first, with what they are
            behind it where a layer has several kinds, such as `"attention:heads"`.
            Where channels of a layer go different ways, those of the second way have
            `":2"` behind the name, and so on.
        width: Number of channels.
        slices: Every axis of a weight that gets shorter with the group.
        reason: Why no channel can be removed, or None if the group is free.
        changes_statistics: Names of layers, such as LayerNormalization, which compute
            a mean over the channels: there a removed channel is not the same as a
            channel of zeros.
        copies: How many places each channel has on the tensors, at the least: one, or
            the number of groups of a grouped convolution, and the like.
        roots: Numbers of the channels within the search that found them.
    """

    name: str
    width: int
    slices: tuple[ChannelSlice, ...]
    reason: str | None = None
    changes_statistics: tuple[str, ...] = ()
    copies: int = 1
    roots: tuple[int, ...] = dataclasses.field(default=(), repr=False)

    @property
    def frozen(self) -> bool:
        """Whether no channel of the group can be removed."""
        return self.reason is not None

    @property
    def producers(self) -> tuple[str, ...]:
        """Names of the layers that make the channels."""
        return self._layers("producer")

    @property
    def carriers(self) -> tuple[str, ...]:
        """Names of the layers that have a weight for each channel and hand it on."""
        return self._layers("carrier")

    @property
    def consumers(self) -> tuple[str, ...]:
        """Names of the layers that take the channels in."""
        return self._layers("consumer")

    def keep(self, indices: Sequence[int]) -> dict[tuple[str, str, int], np.ndarray]:
        """Returns what stays of every weight when only some channels are kept.

        Args:
            indices: The channels that stay, between 0 and `width`.

        Returns:
            The indices that stay, for each (layer, path of the weight, axis).

        Raises:
            ArgumentError: If an index is not between 0 and `width`.
        """
        removed = self.complement(indices)
        return {
            (part.layer, part.path, part.axis): np.flatnonzero(
                ~np.isin(part.channels, removed)
            )
            for part in self.slices
        }

    def complement(self, indices: Sequence[int]) -> np.ndarray:
        """Returns the channels of the group that are not among these.

        Raises:
            ArgumentError: If an index is not between 0 and `width`.
        """
        given = np.asarray(indices, dtype=int).reshape(-1)
        if given.size and (given.min() < 0 or given.max() >= self.width):
            raise ArgumentError(
                f"Group {self.name!r} has the channels 0 to {self.width - 1}. "
                f"Received: indices={given.tolist()}"
            )
        return np.setdiff1d(np.arange(self.width), given)

    def __str__(self) -> str:
        state = f"frozen: {self.reason}" if self.frozen else "free"
        lines = [f"{self.name}: {self.width} channels, {state}"]
        for role in ("producer", "carrier", "consumer"):
            parts = [
                f"{part.layer}/{part.path}[{part.axis}]"
                for part in self.slices
                if part.role == role
            ]
            if parts:
                lines.append(f"  {role}s: {', '.join(parts)}")
        if self.changes_statistics:
            lines.append(f"  mean over it: {', '.join(self.changes_statistics)}")
        return "\n".join(lines)

    def _layers(self, role: str) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(part.layer for part in self.slices if part.role == role)
        )
