"""Fast at first."""

from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.schedules.moving import Moving


class Polynomial(Moving):
    """Moves from a start to an end value, fast at first, and then holds it.

    end + (start - end) · (1 - t) ** power, where t runs from 0 to 1 between the shares
    `begin` and `finish` of the training. With a power of 3 it is the sparsity schedule
    of Zhu and Gupta, "To prune, or not to prune", 2017,
    https://arxiv.org/abs/1710.01878.

    Args:
        start: Value up to `begin`.
        end: Value from `finish` on.
        begin: Share of the training at which it starts to move. Defaults to 0.
        finish: Share at which it arrives. Defaults to 1.
        power: 1 is a straight line. Defaults to 3.

    Raises:
        ArgumentError: If a value is not a finite number, if `begin` and `finish` are
            not in order within 0 and 1, or `power` is not above 0.

    Example:
    ```python
    from tfcompress.schedules import Polynomial

    sparsity = Polynomial(0.0, 0.8, finish=0.5)
    sparsity(0.25)  # 0.7: seven eighths of the way at half the time
    ```
    """

    def __init__(
        self,
        start: float,
        end: float,
        *,
        begin: float = 0.0,
        finish: float = 1.0,
        power: float = 3.0,
    ):
        super().__init__(start, end, begin=begin, finish=finish)
        if not power > 0:
            raise ArgumentError(
                f"power must be a number above 0. Received: power={power!r}"
            )
        self.power = float(power)

    def between(self, share: float) -> float:
        """Returns the value when a share of the way is gone."""
        return float(self.end + (self.start - self.end) * (1 - share) ** self.power)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {**super().get_config(), "power": self.power}
