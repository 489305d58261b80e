"""By the same factor in each step."""

from tfcompress.errors import ArgumentError
from tfcompress.schedules.moving import Moving


class Exponential(Moving):
    """Moves from a start to an end value by the same factor in each step.

    start · (end / start) ** t, where t runs from 0 to 1 between the shares `begin` and
    `finish` of the training.

    Args:
        start: Value up to `begin`, not 0.
        end: Value from `finish` on, of the sign of `start`.
        begin: Share of the training at which it starts to move. Defaults to 0.
        finish: Share at which it arrives. Defaults to 1.

    Raises:
        ArgumentError: If a value is 0 or not finite, if their signs differ, or `begin`
            and `finish` are not in order within 0 and 1.

    Example:
    ```python
    from tfcompress.schedules import Exponential

    weight = Exponential(1.0, 0.01)
    weight(0.5)  # 0.1
    ```
    """

    def __init__(
        self, start: float, end: float, *, begin: float = 0.0, finish: float = 1.0
    ):
        super().__init__(start, end, begin=begin, finish=finish)
        if not self.start * self.end > 0:
            raise ArgumentError(
                "start and end must be of the same sign and not 0, for no factor leads "
                "from one to the other; Linear reaches 0. "
                f"Received: start={start}, end={end}"
            )

    def between(self, share: float) -> float:
        """Returns the value when a share of the way is gone."""
        return float(self.start * (self.end / self.start) ** share)
