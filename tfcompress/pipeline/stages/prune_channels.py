"""The stage that removes channels."""

import dataclasses
from typing import ClassVar, Literal

from tfcompress.errors import ArgumentError
from tfcompress.pipeline.fields import Count, Part, Positive
from tfcompress.pipeline.stages.stage import FittingStage
from tfcompress.pipeline.training import Training


@dataclasses.dataclass(frozen=True, kw_only=True)
class PruneChannels(FittingStage):
    """Removes whole channels, with `ChannelPruning`, and trains what is left.

    Give one of `ratio`, `macs`, `bytes` and `latency_ms`. Where no channel can go, a
    `ratio` leaves the model as it is, with a warning; a budget is an error.

    Attributes:
        ratio: Share of the channels to remove.
        macs: Multiply-adds to keep: a share below 1, or their number.
        bytes: Bytes of the float file to keep: a share below 1, or their number.
        latency_ms: Milliseconds that a run of the float file may take on one thread.
        importance: What says which channels matter: `"l1"`, `"l2"`, `"path_norm"`,
            `"batch_norm"`, `"fpgm"` or `"random"`.
        scope: `"global"` ranks all channels together, `"local"` those of each group.
        round_to: Channels come in multiples of this. Defaults to 8.
        ignored: Names or patterns of layers whose channels stay.
        training: How what is left trains; None leaves it as it is.

    Raises:
        ArgumentError: If not exactly one of the four is given.

    Example:
    ```python
    stage = tfc.pipeline.PruneChannels(
        macs=0.5, distillation=tfc.pipeline.Distillation()
    )
    ```
    """

    kind: ClassVar[str] = "prune_channels"
    ratio: Part | None = None
    macs: Positive | None = None
    bytes: Positive | None = None
    latency_ms: Positive | None = None
    importance: Literal["l1", "l2", "path_norm", "batch_norm", "fpgm", "random"] = "l1"
    scope: Literal["global", "local"] = "global"
    round_to: Count = 8
    ignored: tuple[str, ...] = ()
    training: Training | None = Training()

    def __post_init__(self) -> None:
        super().__post_init__()
        goals = {
            name: getattr(self, name)
            for name in ("ratio", "macs", "bytes", "latency_ms")
        }
        given = {name: value for name, value in goals.items() if value is not None}
        if len(given) != 1:
            raise ArgumentError(
                "prune_channels needs exactly one of ratio, macs, bytes and "
                f"latency_ms. Received: {given or 'none of them'}"
            )
