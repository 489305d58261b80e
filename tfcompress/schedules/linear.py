"""In a straight line."""

from tfcompress.schedules.moving import Moving


class Linear(Moving):
    """Moves from a start to an end value in a straight line, and then holds it.

    start + (end − start) · t, where t runs from 0 to 1 between the shares `begin` and
    `finish` of the training.

    Args:
        start: Value up to `begin`.
        end: Value from `finish` on.
        begin: Share of the training at which it starts to move. Defaults to 0.
        finish: Share at which it arrives. Defaults to 1.

    Raises:
        ArgumentError: If a value is not a finite number, or `begin` and `finish` are
            not in order within 0 and 1.

    Example:
    ```python
    from tfcompress.schedules import Linear

    warm_up = Linear(0.0, 1.0, finish=0.2)
    warm_up(0.1)  # 0.5
    ```
    """

    def between(self, share: float) -> float:
        """Returns the value when a share of the way is gone."""
        return self.start + (self.end - self.start) * share
