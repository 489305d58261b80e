"""A ratio for each group of channels."""

from collections.abc import Mapping, Sequence

from tfcompress.errors import ArgumentError
from tfcompress.graph import ChannelGroup
from tfcompress.names import matches, nearest
from tfcompress.pruning import cuts as cutting
from tfcompress.pruning.cuts import Cut
from tfcompress.pruning.goal import Goal
from tfcompress.pruning.progress import Progress


class GroupRatioGoal(Goal):
    """A share of the channels of each group.

    Args:
        ratios: The share for names of groups, or patterns of them. A name goes before a
            pattern, the first pattern before the next; groups that none of them names
            keep all their channels.
        groups: The groups of the whole model.

    Raises:
        ArgumentError: If a name or pattern matches no group, or a name is that of a
            group that cannot lose channels.
    """

    makes_files = False

    def __init__(
        self, ratios: Mapping[str, float], groups: Sequence[ChannelGroup]
    ) -> None:
        self.ratios = ratios
        names = [group.name for group in groups]
        for key in ratios:
            if not any(matches(name, key) for name in names):
                raise ArgumentError(
                    "ratio names no group of channels of the model; the nearest are "
                    f"{nearest(key, names)}. Received: ratio={{{key!r}: {ratios[key]}}}"
                )
        for group in groups:
            if group.frozen and ratios.get(group.name):
                raise ArgumentError(
                    f"Group {group.name!r} cannot lose channels: {group.reason}. "
                    f"Received: ratio={{{group.name!r}: {ratios[group.name]}}}"
                )

    @property
    def asks_nothing(self) -> bool:
        """Whether all shares are 0."""
        return not any(self.ratios.values())

    def choose(
        self, progress: Progress, cuts: Sequence[Cut], share: float
    ) -> list[Cut]:
        """Returns the first cuts of each group, so that what is gone is near to it."""
        chosen: list[Cut] = []
        for name in dict.fromkeys(cut.group for cut in cuts):
            own = [cut for cut in cuts if cut.group == name]
            wanted = share * self._ratio(name) * progress.width(name)
            left = wanted - progress.removed.get(name, 0)
            chosen += own[: cutting.count_nearest(own, left)] if wanted else []
        return chosen

    def reason_to_keep(self, progress: Progress, name: str) -> str:
        """Returns that no share was asked for, or that it is small."""
        ratio = self._ratio(name)
        if ratio:
            return f"its ratio of {ratio:g} rounds to no block"
        named = any(matches(name, key) for key in self.ratios)
        return "its ratio is 0" if named else "ratio does not name it"

    def describe_shortfall(
        self, progress: Progress, units: Mapping[str, int]
    ) -> str | None:
        """Returns the shares that went where more than one block is missing."""
        short = []
        for group in progress.groups:
            name, ratio = group.name, self._ratio(group.name)
            gone = progress.removed.get(name, 0)
            if name in progress.reasons or ratio * group.width - gone <= units[name]:
                continue
            short.append(
                f"a share of {gone / group.width:.3g} of {name!r} went, "
                f"of ratio={ratio:g}"
            )
        return "; ".join(short) or None

    def _ratio(self, name: str) -> float:
        if name in self.ratios:
            return self.ratios[name]
        patterns = (key for key in self.ratios if matches(name, key))
        return next((self.ratios[key] for key in patterns), 0.0)
