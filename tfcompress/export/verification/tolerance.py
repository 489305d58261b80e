"""How far a file's outputs may be from the model's before the file is no good."""

from tfcompress.export.targets import Target
from tfcompress.export.verification.gap import Gap
from tfcompress.export.verification.layer_comparison import LayerComparison

FLOAT_TOLERANCE = {"float32": 1e-3, "float16": 5e-2}
LEAST_SQNR_DB = 6.0
FEW_STEPS = 4.0
# Below it the noise is stronger than that of an output that has nothing to do with the
# model's.
GARBAGE_DB = -4.0
# At it the noise is as strong as the signal, as that of an output of zeros is.
EQUAL_NOISE_DB = 0.0
# A layer that departs falls below it.
LEAST_LAYER_SQNR_DB = 10.0


def is_tolerable(gap: Gap, target: Target) -> bool:
    """Returns whether a gap is what a target costs, and not a fault.

    A float32 file may differ by a thousandth of the largest output, a float16 file by a
    twentieth. A file with whole numbers in it may differ by whatever quantization
    costs, which is a matter of measurement. It is suspicious where the error is both
    large beside the signal, more than half as large (below 6 dB), and large beside the
    rounding, more than four steps of the output.

    Neither would do alone. The probabilities of 1,000 classes that a network knows
    nothing about all round to 0, which is 0 dB and a quarter of a step; sound deep
    networks are off by 11 steps, at 20 dB. Full-integer files of networks of
    `keras.applications` with random weights lie at 20 to 34 dB, or below 4 steps. In
    those of small trained networks a kernel in a wrong order, a half of its numbers or
    a wrong scale leave -3 to 14 dB and 25 to 230 steps.

    Args:
        gap: Between the file and the model, on one output.
        target: What the file was made for.
    """
    if is_float(target):
        return gap.relative_error <= FLOAT_TOLERANCE[target.weights]
    rounded = gap.steps is not None and gap.steps <= FEW_STEPS
    return rounded or gap.sqnr_db >= LEAST_SQNR_DB


def is_cost(gap: Gap, target: Target, layers: LayerComparison | None) -> bool:
    """Returns whether a gap that is not tolerable is no more than quantization costs.

    Deep networks with random weights and batch statistics amplify each step of rounding
    until 3 dB are left of 114 steps, with each layer a little worse than the one before
    it. A fault has one layer that falls all at once, so nothing is a cost where the
    layers could not be compared.

    Args:
        gap: Between the file and the model, on one output.
        target: What the file was made for.
        layers: The same file layer by layer, or None where they cannot be compared.
    """
    if is_float(target) or layers is None:
        return False
    first = layers.first_departure
    falls = first is not None and first.gap.sqnr_db < LEAST_LAYER_SQNR_DB
    return gap.sqnr_db >= GARBAGE_DB and not falls


def is_cost_without_layers(gap: Gap, target: Target) -> bool:
    """Returns whether a gap may be a cost, where the source has no Keras layers.

    A `.tflite` file that is quantized has none to compare. Its noise must then be
    weaker than the signal, more than 0 dB, where a slow decay may go down to -4 dB.

    Args:
        gap: Between the file and its source, on one output.
        target: What the file was made for.
    """
    return not is_float(target) and gap.sqnr_db > EQUAL_NOISE_DB


def is_float(target: Target) -> bool:
    """Returns whether a file for a target holds no whole numbers, but for indices."""
    return not target.full_integer and target.weights in FLOAT_TOLERANCE


def describe_tolerance(target: Target) -> str:
    """Returns in words what `is_tolerable` demands of a file for a target."""
    if is_float(target):
        share = FLOAT_TOLERANCE[target.weights]
        return f"outputs within {share:.1%} of the largest"
    return (
        f"a ratio of signal to noise of {LEAST_SQNR_DB:g} dB, or an "
        f"error of at most {FEW_STEPS:g} steps of the output"
    )


def describe_gap(gap: Gap, target: Target) -> str:
    """Returns in words what `is_tolerable` looks at."""
    if is_float(target):
        return f"{gap.relative_error:.1%}"
    steps = "" if gap.steps is None else f" and {gap.steps:.0f} steps"
    return f"{gap.sqnr_db:.1f} dB{steps}"
