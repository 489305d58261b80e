"""Head pruning: whole heads of attention go."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfcompress.graph import ChannelGroup, Graph, Layer
from tfcompress.pruning import importance as importances
from tfcompress.pruning.channel import check_ratio
from tfcompress.pruning.goal import Goal, RatioGoal
from tfcompress.pruning.progress import Progress
from tfcompress.pruning.structured import StructuredPruning


class HeadPruning(StructuredPruning):
    """Removes whole heads of attention, so that each layer computes with fewer.

    The heads of all `MultiHeadAttention` layers are ranked together; each layer keeps
    one at the least. The result equals the model with the outputs of these heads set
    to zero. Michel et al., "Are Sixteen Heads Really Better than One?", 2019,
    https://arxiv.org/abs/1905.10650.

    Args:
        ratio: Share of heads that go, of all that may, from 0 up to, not including, 1.
        importance: `"l1"`, the default, or another as in `ChannelPruning`.
        ignored: Names of layers, or patterns, that keep all their heads.

    Raises:
        ArgumentError: If an argument is out of range.

    Example:
    ```python
    pruning = tfc.pruning.HeadPruning(0.25)
    small = pruning.apply(transformer)
    print(pruning.account.notes)
    ```
    """

    def __init__(
        self, ratio: float, *, importance: Any = "l1", ignored: Sequence[str] = ()
    ) -> None:
        super().__init__(
            importance=importance, scope="global", ignored=ignored, steps=1
        )
        self.ratio = check_ratio(ratio)
        self._given_importance = importance

    def unit(self, group: ChannelGroup) -> int | None:
        """Returns 1 for heads, and None for all other channels."""
        return 1 if group.name.endswith(":heads") else None

    def concerns(self, layer: Layer) -> bool:
        """Returns whether the layer is one with heads."""
        return layer.kind == "MultiHeadAttention"

    def describe_failure(self, progress: Progress) -> str:
        """Returns what stands in the way when no head can go."""
        if not any(self.concerns(layer) for layer in progress.graph.layers.values()):
            return "The model has no MultiHeadAttention whose heads can go"
        return "No head of the model can be removed; ignore fewer layers"

    def goal(self, graph: Graph, keras: str, folder: Path) -> Goal:
        """Returns what says how many heads go."""
        return RatioGoal(self.ratio)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data.

        Raises:
            ArgumentError: If the importance holds data.
        """
        return {
            "ratio": self.ratio,
            "importance": importances.serialize(self._given_importance),
            "ignored": list(self.ignored),
        }
