"""How far a `.tflite` file is from its model, layer by layer."""

import dataclasses
from collections.abc import Iterator

from rich import box
from rich.table import Table

from tfcompress.export.verification.gap import Gap
from tfcompress.result import Result

# A layer departs where its noise is this much stronger than that of its inputs.
_FALL_DB = 10.0
# What layers of whole numbers give without any fault.
_SOUND_DB = 30.0
# Layers of float files lie above it, at 100 dB and more.
_CLEAN_DB = 80.0
# Rounding alone; a softmax of many classes may have nothing else.
_ROUNDING_STEPS = 2.0


@dataclasses.dataclass(frozen=True)
class LayerGap:
    """How far the output of one layer is from what it is in the model.

    Attributes:
        layer: Name of the layer; of several that became one operation, that with the
            kernel. Those of models inside the model have their own names.
        operation: The kind of the operation in the file, such as `"CONV_2D"`.
        shape: Shape of the output in the file, without the batch.
        gap: The difference to the Keras layer's output, which holds what all layers
            before it have added.
        inputs_sqnr_db: The ratio of signal to noise of its inputs, of the worst of
            them; 200 stands for no noise.
    """

    layer: str
    operation: str
    shape: tuple[int, ...]
    gap: Gap
    inputs_sqnr_db: float


@dataclasses.dataclass(frozen=True)
class LayerComparison(Result):
    """The layers of a file, in the order in which they run.

    It prints itself: with `print`, in a notebook, and with rich. The first layer
    that departs is marked.

    Attributes:
        layers: The layers that could be found in the file.
        samples: How many samples were run.
    """

    layers: tuple[LayerGap, ...]
    samples: int

    def __iter__(self) -> Iterator[LayerGap]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    @property
    def first_departure(self) -> LayerGap | None:
        """The first layer whose noise is far stronger than that of its inputs.

        It falls by 10 dB at the least below its inputs, and by half of the largest fall
        in the file. Where no layer is without noise, as in files with whole numbers, no
        input counts for more than 30 dB, which quantization leaves. None where no layer
        falls so far.
        """
        best = max((each.gap.sqnr_db for each in self.layers), default=0.0)
        ceiling = best if best > _CLEAN_DB else _SOUND_DB
        falls = {
            number: min(each.inputs_sqnr_db, ceiling) - each.gap.sqnr_db
            for number, each in enumerate(self.layers)
            if _is_noisy(each.gap)
        }
        least = max([_FALL_DB, *(fall / 2 for fall in falls.values())])
        first = next((number for number, fall in falls.items() if fall >= least), None)
        return None if first is None else self.layers[first]

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD)
        table.add_column("layer", no_wrap=True)
        table.add_column("operation", no_wrap=True)
        for title in ("output", "SQNR dB", "inputs' dB", "largest error", "steps"):
            table.add_column(title, justify="right", no_wrap=True)
        first = self.first_departure
        for each in self.layers:
            steps = each.gap.steps
            table.add_row(
                f"{each.layer} <" if each is first else each.layer,
                each.operation,
                " x ".join(map(str, each.shape)),
                f"{each.gap.sqnr_db:.1f}",
                f"{each.inputs_sqnr_db:.1f}",
                f"{each.gap.largest_error:.3g}",
                "" if steps is None else f"{steps:.1f}",
                style="bold" if each is first else None,
            )
        return table

    def describe(self) -> str:
        """Says which layer departs first, and what the ratio is."""
        first = self.first_departure
        found = "No layer departs from the model."
        if first is not None:
            found = f"The first layer that departs from the model is {first.layer!r}."
        return (
            f"{found} SQNR is the ratio of signal to quantization noise in decibels: "
            "20 more is a tenth of the noise, and 200 stands for none. "
            f"Samples: {self.samples}."
        )


def _is_noisy(gap: Gap) -> bool:
    rounded = gap.steps is not None and gap.steps <= _ROUNDING_STEPS
    return gap.sqnr_db < _CLEAN_DB and not rounded
