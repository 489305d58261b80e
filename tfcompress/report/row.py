"""One row of a comparison."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured on one `.tflite` file.

    Attributes:
        name: Name of the row.
        accuracy: Share of samples whose class is right, 0 to 1.
        macro_recall: Mean recall over classes, 0 to 1.
        macro_f1: Mean F1 over classes, 0 to 1.
        parameters: Weights in the file.
        sparsity: Share of kernel weights that are zero, 0 to 1.
        bytes: Size of the file.
        gzip_bytes: Size of the file after gzip.
        latency_ms: Median time of one run, in milliseconds.
        agreement: Share of samples on which it chooses the same class as the
            reference, 0 to 1.
    """

    name: str
    accuracy: float
    macro_recall: float
    macro_f1: float
    parameters: int
    sparsity: float
    bytes: int
    gzip_bytes: int
    latency_ms: float
    agreement: float
