"""What a model tells of itself while it trains."""

import abc
from collections.abc import Mapping


class Observed(abc.ABC):
    """A model with numbers of its own that change while it trains.

    Whoever logs a training asks for them, without knowing what kind of model it is.
    """

    @abc.abstractmethod
    def observe(self) -> Mapping[str, float]:
        """Returns the present numbers by name, such as `{"temperature": 4.0}`."""
