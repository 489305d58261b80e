"""Which channels go, and in which order."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Cut:
    """Channels of one group that go together, so that a round number stays.

    Attributes:
        group: Name of the group.
        channels: The channels, least important first.
        score: What decides when their turn is; the lowest goes first.
    """

    group: str
    channels: tuple[int, ...]
    score: float


def cut_group(
    name: str, scores: np.ndarray, *, unit: int, floor: int, scope: str
) -> list[Cut]:
    """Divides the channels of a group into cuts, after each of which `unit` fits.

    The first cut leaves a multiple of `unit`, each other one takes `unit` channels,
    and together they leave `floor` channels or more. A group that has no more than
    `unit` channels has no cuts, unless `unit` is 1.

    Args:
        name: Name of the group.
        scores: One number per channel, comparable with those of other groups.
        unit: What stays is to be a multiple of it.
        floor: Channels that stay at the least.
        scope: `"global"`: the score of a cut is the mean score of its channels;
            `"local"`: it is the mean of their places in the order of the group, from 0
            to 1, so that every group gives the same share.

    Returns:
        The cuts, in the order in which they can be made.
    """
    order = np.argsort(scores, kind="stable")
    width, start = len(order), 0
    cuts: list[Cut] = []
    size = width % unit or unit
    while width - start - size >= max(floor, 1):
        channels = order[start : start + size]
        place = (start + size / 2) / width
        score = scores[channels].mean() if scope == "global" else place
        # A mean of equal scores may come out a little lower than the one before.
        score = max(score, cuts[-1].score) if cuts else score
        cuts.append(Cut(name, tuple(channels.tolist()), float(score)))
        start, size = start + size, unit
    return cuts


def rank(groups: Sequence[Sequence[Cut]]) -> list[Cut]:
    """Returns the cuts of all groups in one order, lowest score first.

    The cuts of one group stay in their order.
    """
    return sorted((cut for cuts in groups for cut in cuts), key=lambda cut: cut.score)


def count_nearest(
    cuts: Sequence[Cut], channels: float, copies: Mapping[str, int] | None = None
) -> int:
    """Returns how many cuts remove nearly this many channels; the more if in doubt.

    Args:
        cuts: The cuts, in order.
        channels: How many channels are to go.
        copies: As how many each channel of a group counts, by the name of the group.
            Defaults to one for all.
    """
    each = copies or {}
    sizes = [len(cut.channels) * each.get(cut.group, 1) for cut in cuts]
    removed = np.cumsum([0, *sizes])
    distance = np.abs(removed - channels)
    return int(np.flatnonzero(distance <= distance.min() + 1e-9)[-1])


def removals(cuts: Sequence[Cut]) -> dict[str, list[int]]:
    """Returns the channels that cuts remove from each group, in order."""
    found: dict[str, list[int]] = {}
    for cut in cuts:
        found.setdefault(cut.group, []).extend(cut.channels)
    return {name: sorted(channels) for name, channels in found.items()}
