"""What a number format has to offer."""

import abc
from collections.abc import Callable
from typing import Any

import tensorflow as tf

Rounding = Callable[[Any], tf.Tensor]


class Parameters(abc.ABC):
    """How numbers are written as whole numbers of few bits, and read back.

    Attributes:
        bits: How many bits a whole number takes.
    """

    bits: int

    @abc.abstractmethod
    def encode(self, x: Any, rounding: Rounding) -> tf.Tensor:
        """Returns the whole numbers that some numbers become, int8 or int16.

        Args:
            x: A tensor or array of floats.
            rounding: `round_nearest`, or another function from floats to whole floats.
        """

    @abc.abstractmethod
    def decode(self, integers: Any) -> tf.Tensor:
        """Returns the float32 numbers that whole numbers stand for."""

    @abc.abstractmethod
    def holds(self, x: Any) -> tf.Tensor:
        """Returns which numbers lie within the range that can be written."""

    @property
    @abc.abstractmethod
    def size_in_bytes(self) -> int:
        """How many bytes the parameters take themselves, beside the integers."""
