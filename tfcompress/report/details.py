"""What a comparison shows beside its table."""

import dataclasses
from collections.abc import Mapping

from scipy import sparse

from tfcompress.report.changes import Changes
from tfcompress.report.layer_bars import LayerCost


@dataclasses.dataclass(frozen=True, eq=False)
class Details:
    """What was seen of the reference and of the last row, which is what ships.

    Attributes:
        layers: Layers of the two files, by the name of the row.
        confusion_matrices: Sparse counts of the two, `(classes, classes)`, by the
            name of the row; a row for each class of the labels, a column for each class
            that was chosen. Empty for models that choose no classes.
        classes: What the classes are called.
        changes: The samples on which the two part; None if they are one row.
    """

    layers: Mapping[str, tuple[LayerCost, ...]] = dataclasses.field(
        default_factory=dict
    )
    confusion_matrices: Mapping[str, sparse.csr_array] = dataclasses.field(
        default_factory=dict
    )
    classes: tuple[str, ...] = ()
    changes: Changes | None = None
