"""Along half a cosine."""

import math

from tfcompress.schedules.moving import Moving


class Cosine(Moving):
    """Moves from a start to an end value along half a cosine, slow at both ends.

    end + (start − end) · (1 + cos(π · t)) / 2, where t runs from 0 to 1 between the
    shares `begin` and `finish` of the training: the annealing of Loshchilov and Hutter,
    "SGDR", 2016, https://arxiv.org/abs/1608.03983.

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
    from tfcompress.schedules import Cosine

    temperature = Cosine(8.0, 2.0)
    temperature(0.5)  # 5.0
    ```
    """

    def between(self, share: float) -> float:
        """Returns the value when a share of the way is gone."""
        left = (1 + math.cos(math.pi * share)) / 2
        return self.end + (self.start - self.end) * left
