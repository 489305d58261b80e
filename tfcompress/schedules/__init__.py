"""Values over training, as functions of the share of it that is done.

A schedule is called with a progress from 0, at the start of training, to 1, at its
end, so that it need not know how many steps there will be.
"""

from tfcompress.schedules.constant import Constant
from tfcompress.schedules.cosine import Cosine
from tfcompress.schedules.exponential import Exponential
from tfcompress.schedules.gradual import Gradual
from tfcompress.schedules.linear import Linear
from tfcompress.schedules.moving import Moving
from tfcompress.schedules.of_step import OfStep
from tfcompress.schedules.piecewise import Piecewise
from tfcompress.schedules.polynomial import Polynomial
from tfcompress.schedules.polynomial_of_steps import PolynomialOfSteps
from tfcompress.schedules.schedule import Schedule
from tfcompress.schedules.serialization import deserialize, serialize

__all__ = [
    "Constant",
    "Cosine",
    "Exponential",
    "Gradual",
    "Linear",
    "Moving",
    "OfStep",
    "Piecewise",
    "Polynomial",
    "PolynomialOfSteps",
    "Schedule",
    "deserialize",
    "serialize",
]
