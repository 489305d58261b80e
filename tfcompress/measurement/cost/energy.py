"""An estimate of the energy that a model takes, from a published table.

Picojoules at 45 nm and 0.9 V, from M. Horowitz, Computing's Energy Problem (and what we
can do about it), ISSCC 2014, figure 1.1.9, https://doi.org/10.1109/ISSCC.2014.6757323:

| | int8 | int32 | float16 | float32 |
|---|---:|---:|---:|---:|
| multiplication | 0.2 | 3.1 | 1.1 | 3.7 |
| addition | 0.03 | 0.1 | 0.4 | 0.9 |

Memory, for 64 bits: 10 pJ from a cache of 8 KB, 20 from 32 KB, 100 from 1 MB, and 1.3
to 2.6 nJ from DRAM.
"""

import dataclasses

# A product of whole numbers is added to a sum of 32 bits. The table has none of 16
# bits: products grow with the square of the bits, as from 8 to 32, so it is taken for a
# quarter of that of 32.
MULTIPLY_ADD_PICOJOULES = {
    "int8": 0.2 + 0.1,
    "int16": 3.1 / 4 + 0.1,
    "int32": 3.1 + 0.1,
    "float16": 1.1 + 0.4,
    "float32": 3.7 + 0.9,
}
SRAM_PICOJOULES_PER_BYTE = 100.0 / 8
DRAM_PICOJOULES_PER_BYTE = 1300.0 / 8

ASSUMPTIONS = (
    "Energy is that of a chip of 45 nm (Horowitz, ISSCC 2014), which reads each weight "
    "once from DRAM (162.5 pJ a byte), writes and reads activations in 1 MB of SRAM "
    "(12.5 pJ a byte), and computes products with zeros too; a multiply-add takes "
    "4.6 pJ in float32, 1.5 in float16, 0.3 in int8. It is for comparing models, not "
    "what a certain device takes."
)


@dataclasses.dataclass(frozen=True)
class Energy:
    """Energy for one sample, in microjoules.

    Attributes:
        arithmetic: Of the multiply-adds.
        weights: Of reading the weights.
        activations: Of writing and reading what flows between layers.
    """

    arithmetic: float = 0.0
    weights: float = 0.0
    activations: float = 0.0

    @property
    def total(self) -> float:
        """All of it, in microjoules."""
        return self.arithmetic + self.weights + self.activations

    def __add__(self, other: "Energy") -> "Energy":
        return Energy(
            self.arithmetic + other.arithmetic,
            self.weights + other.weights,
            self.activations + other.activations,
        )


def estimate_energy(
    *, multiply_adds: int, dtype: str, weight_bytes: int, activation_bytes: int
) -> Energy:
    """Estimates the energy of one layer.

    Args:
        multiply_adds: Pairs of one multiplication and one addition.
        dtype: In which they are computed, such as `"int8"`. Types that are not in the
            table count as float32.
        weight_bytes: Bytes of its weights, each read once from DRAM.
        activation_bytes: Bytes of what it takes and gives, in SRAM.

    Returns:
        The `Energy`.

    Example:
    ```python
    from tfcompress.measurement.cost.energy import estimate_energy

    estimate_energy(
        multiply_adds=1_000_000, dtype="int8", weight_bytes=0, activation_bytes=0
    ).total  # 0.3
    ```
    """
    names = {"bfloat16": "float16", "int4": "int8", "int2": "int8", "uint8": "int8"}
    name = names.get(dtype, dtype)
    each = MULTIPLY_ADD_PICOJOULES.get(name, MULTIPLY_ADD_PICOJOULES["float32"])
    return Energy(
        arithmetic=1e-6 * multiply_adds * each,
        weights=1e-6 * weight_bytes * DRAM_PICOJOULES_PER_BYTE,
        activations=1e-6 * activation_bytes * SRAM_PICOJOULES_PER_BYTE,
    )
