"""How far a file's outputs may be from the model's before the file is no good."""

from tfcompress.export.gap import Gap
from tfcompress.export.targets import Target

FLOAT_TOLERANCE = {"float32": 1e-3, "float16": 5e-2}
LEAST_SQNR_DB = 6.0
LEAST_SQNR_DB_OF_INT4 = 0.0
FEW_STEPS = 4.0


def is_tolerable(gap: Gap, target: Target) -> bool:
    """Returns whether a gap is what a target costs, and not a fault.

    A float32 file may differ by a thousandth of the largest output, a float16 file by a
    twentieth. A file with whole numbers in it may differ by whatever quantization
    costs, which is a matter of measurement; it may not be garbage. It is garbage where
    the error is both large beside the signal, more than half as large (below 6 dB), and
    large beside the rounding, more than four steps of the output. Weights of 4 bits may
    be off by as much as the signal (0 dB).

    Neither would do alone. The probabilities of 1,000 classes that a network knows
    nothing about all round to 0, which is 0 dB and a quarter of a step; sound deep
    networks are off by 11 steps, at 20 dB. Full-integer files of networks of
    `keras.applications` with random weights lie at 20 to 34 dB, or below 4 steps. In
    those of small trained networks a kernel in a wrong order, a half of its numbers or
    a wrong scale leave -3 to 14 dB and 25 to 230 steps. What is left above 6 dB cannot
    be told from quantization by the outputs alone; `compare_layers` tells it.

    Args:
        gap: Between the file and the model, on one output.
        target: What the file was made for.
    """
    if not target.full_integer and target.weights in FLOAT_TOLERANCE:
        return gap.relative_error <= FLOAT_TOLERANCE[target.weights]
    rounded = gap.steps is not None and gap.steps <= FEW_STEPS
    return rounded or gap.sqnr_db >= _least_sqnr_db(target)


def describe_tolerance(target: Target) -> str:
    """Returns in words what `is_tolerable` demands of a file for a target."""
    if not target.full_integer and target.weights in FLOAT_TOLERANCE:
        share = FLOAT_TOLERANCE[target.weights]
        return f"outputs within {share:.1%} of the largest"
    return (
        f"a ratio of signal to noise of {_least_sqnr_db(target):g} dB, or an "
        f"error of at most {FEW_STEPS:g} steps of the output"
    )


def describe_gap(gap: Gap, target: Target) -> str:
    """Returns in words what `is_tolerable` looks at."""
    if not target.full_integer and target.weights in FLOAT_TOLERANCE:
        return f"{gap.relative_error:.1%}"
    steps = "" if gap.steps is None else f" and {gap.steps:.0f} steps"
    return f"{gap.sqnr_db:.1f} dB{steps}"


def _least_sqnr_db(target: Target) -> float:
    return LEAST_SQNR_DB_OF_INT4 if target.weights == "int4" else LEAST_SQNR_DB
