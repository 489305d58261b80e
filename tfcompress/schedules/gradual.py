"""In several moves."""

from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.schedules.finite import read_finite
from tfcompress.schedules.moving import Moving


class Gradual(Moving):
    """Moves from a start to an end value in several moves, and holds it after each.

    The way is cut into equal periods. In each the value moves on in a straight line,
    and is then held, so that a model that is being pruned recovers before more is taken
    from it, as in the iterative pruning of Han et al., 2015,
    https://arxiv.org/abs/1506.02626.

    Args:
        start: Value up to `begin`.
        end: Value from `finish` on.
        moves: How many moves there are. Defaults to 4.
        recovery: Share of each period in which the value is held; with 1 it jumps at
            the start of each. Defaults to 0.5.
        begin: Share of the training at which it starts to move. Defaults to 0.
        finish: Share at which the last period ends. Defaults to 1.

    Raises:
        ArgumentError: If a value is not a finite number, if `begin` and `finish` are
            not in order within 0 and 1, `moves` is not a whole number of 1 or more, or
            `recovery` is not within 0 and 1.

    Example:
    ```python
    from tfcompress.schedules import Gradual

    sparsity = Gradual(0.0, 0.8, moves=2)
    sparsity(0.4)  # 0.4: held from a quarter of the training up to half of it
    ```
    """

    def __init__(
        self,
        start: float,
        end: float,
        *,
        moves: int = 4,
        recovery: float = 0.5,
        begin: float = 0.0,
        finish: float = 1.0,
    ):
        super().__init__(start, end, begin=begin, finish=finish)
        if isinstance(moves, bool) or not isinstance(moves, int) or moves < 1:
            raise ArgumentError(
                f"moves must be a whole number of 1 or more. Received: moves={moves!r}"
            )
        self.moves = moves
        self.recovery = read_finite(recovery, "recovery")
        if not 0 <= self.recovery <= 1:
            raise ArgumentError(
                "recovery is the share of each period in which the value is held, from "
                f"0 to 1. Received: recovery={recovery!r}"
            )

    def between(self, share: float) -> float:
        """Returns the value when a share of the way is gone."""
        period, gone = divmod(share * self.moves, 1)
        moving = 1 - self.recovery
        moved = gone / moving if gone < moving else 1.0
        return self.start + (self.end - self.start) * (period + moved) / self.moves

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        own = {"moves": self.moves, "recovery": self.recovery}
        return {**super().get_config(), **own}
