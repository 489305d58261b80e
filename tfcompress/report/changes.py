"""The samples on which two models part."""

import dataclasses

SHOWN = 24


@dataclasses.dataclass(frozen=True)
class Change:
    """One sample on which the reference and the shipped file part.

    Attributes:
        index: Number of the sample in the data, from 0.
        before: What the reference says.
        after: What the shipped file says.
        label: What the label says.
        words: The first numbers of the sample.
        picture: A data URI with a small picture of the sample, if it has the shape of
            an image; else empty.
    """

    index: int
    before: str
    after: str
    label: str
    words: str
    picture: str


@dataclasses.dataclass(frozen=True)
class Changes:
    """Samples on which the reference and the shipped file part.

    Attributes:
        count: How many there are of classifiers; None of other models, whose numbers
            always differ.
        lost: How many of them the reference has right and the shipped file wrong; None
            of other models.
        won: How many it is the other way round with; None of other models.
        p_value: Of McNemar's test, how likely the two would part as unevenly as this,
            or more, if both were right equally often; None of other models.
        shown: Some of them, at most 24: of classifiers the first, answers that became
            wrong before others; of other models those that are farthest apart.
        output: Name of the output that they are of, of a model with several: the first
            that has labels.
    """

    count: int | None
    lost: int | None
    won: int | None
    p_value: float | None
    shown: tuple[Change, ...]
    output: str = ""
