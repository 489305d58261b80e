"""Ways to quantize a model, from the cheapest to the dearest, each measured."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tfcompress.errors import ArgumentError, ExportError, ModelError
from tfcompress.export import Artifact, to_tflite
from tfcompress.files import temporary_path
from tfcompress.quantization import analyze, correct_bias, equalize
from tfcompress.search.bit_choice import USUAL, BitChoice
from tfcompress.search.bit_width_result import Rung
from tfcompress.search.file_meter import FileMeter
from tfcompress.search.flat_model import FlatModel, silent
from tfcompress.search.rounded_training import train_rounded

Choices = Mapping[str, BitChoice]

_HALF = BitChoice("float16")
_TARGETS = {"int8": "cpu_int8", "int8_float_io": "cpu_int8_float_io"}


@dataclasses.dataclass(frozen=True)
class BitLadder:
    """Quantizes a model in one way after the other.

    Attributes:
        flat: The model.
        data: What layers are analyzed on.
        representative: Inputs for the ranges of activations.
        meter: Measures files.
        allocate: Returns bits for the layers of a model so that its file is within the
            budget. Without a budget all are usual.
        scheme: `"int8"` or `"int8_float_io"`.
        budget: Bytes that a file may have, or None.
        max_drop: How much less the metric may be, or None.
        train: Data to train on, or None.
        fine_tune: Settings of the training.
    """

    flat: FlatModel
    data: Any
    representative: Any
    meter: FileMeter
    allocate: Callable[[FlatModel], Choices]
    scheme: str
    budget: int | None
    max_drop: float | None
    train: Any
    fine_tune: Mapping[str, Any]

    def climb(self) -> Iterator[Rung]:
        """Yields each rung as soon as it is measured."""
        chosen = self.allocate(self.flat)
        mixed = any(choice != USUAL for choice in chosen.values())
        plain = self._rung(
            "post-training, bits chosen" if mixed else "post-training int8",
            self._write(self.flat, chosen),
            chosen,
        )
        yield plain
        if self.max_drop is None:
            return
        prepared = FlatModel(self._equalized(chosen))
        equalized = self._fitted("equalized, biases corrected", prepared)
        yield equalized
        if _quality(equalized) > _quality(plain):
            yield from self._mixed(prepared, equalized.choices)
        else:
            yield from self._mixed(self.flat, chosen)
        yield self._trained(chosen)

    def _equalized(self, choices: Choices) -> Any:
        """Returns the model equalized, and its biases corrected for its bits."""
        model = FlatModel(equalize(self.flat.model)).clipped(choices).model
        for bits in (8, 4):
            names = [name for name, choice in choices.items() if choice.bits == bits]
            if names:
                model = correct_bias(
                    model, self.representative, bits=bits, layers=names
                )
        return model

    def _fitted(self, name: str, flat: FlatModel) -> Rung:
        """Returns the rung of another model, whose biases may take more bytes."""
        try:
            choices = self.allocate(flat)
        except ArgumentError as error:
            return Rung(name, reason=str(error))
        return self._rung(name, self._write(flat, choices), choices)

    def _mixed(self, flat: FlatModel, choices: Choices) -> Iterator[Rung]:
        """Yields files with ever more layers in float16, those that hurt first."""
        worst = self._worst(flat)
        count = 1
        while count < len(worst):
            kept = worst[:count]
            told = {**choices, **dict.fromkeys(kept, _HALF)}
            artifact = self._write(flat, choices, kept)
            if self.budget is not None and artifact.bytes > self.budget:
                return
            few = "1 layer" if count == 1 else f"{count} layers"
            yield self._rung(f"{few} in float16", artifact, told)
            count *= 2

    def _worst(self, flat: FlatModel) -> list[str]:
        """Returns the layers of the file, those that hurt first.

        What a layer gives is rounded again on its way into a layer of whole numbers, so
        those that take in what a bad range spoils come right behind it.
        """
        found: dict[str, None] = {}
        analysis = analyze(flat.model, self.data)
        for row in analysis.rows:
            name = _layer_of(row.name, list(flat.kinds))
            if name is None:
                continue
            found[name] = None
            if row.activations_sqnr < row.weights_sqnr and name in flat.graph.layers:
                found.update(dict.fromkeys(_behind(flat, name)))
        return list(found)

    def _trained(self, choices: Choices) -> Rung:
        name = "trained with rounding, taught by the float model"
        if self.train is None:
            return Rung(name, reason="no train data were given")
        bits = {n: choice.bits for n, choice in choices.items() if choice.bits < 8}
        try:
            aware, model = train_rounded(
                self.flat.model, self.train, settings=self.fine_tune, layers=bits
            )
            if self.budget is not None:
                return self._fitted(name, FlatModel(aware.finalize(model)))
            return self._rung(name, self._export(model), choices)
        except (ExportError, ModelError) as error:
            return Rung(name, reason=str(error))

    def _export(self, model: Any) -> Artifact:
        path = temporary_path("rung.tflite")
        with silent():
            return to_tflite(
                model,
                path,
                target=_TARGETS[self.scheme],
                representative_data=self.representative,
            )

    def _write(
        self, flat: FlatModel, choices: Choices, kept: Sequence[str] = ()
    ) -> Artifact:
        return flat.write(
            choices,
            scheme=self.scheme,
            representative=self.representative,
            kept=kept,
        )

    def _rung(self, name: str, artifact: Artifact, choices: Choices) -> Rung:
        quality, agreement = self.meter.measure(artifact)
        drop = self.meter.baseline - quality
        met = self.budget is None or artifact.bytes <= self.budget
        if self.max_drop is not None:
            met = met and drop <= self.max_drop + 1e-9
        return Rung(name, artifact, quality, drop, agreement, met, dict(choices))


def _quality(rung: Rung) -> float:
    return float("-inf") if rung.quality is None else rung.quality


def _layer_of(name: str, known: Sequence[str]) -> str | None:
    """Returns the layer of a file that a layer was taken out of, or is."""
    if name in known:
        return name
    starts = [other for other in known if name.startswith(f"{other}_")]
    return max(starts, key=len, default=None)


def _behind(flat: FlatModel, name: str) -> list[str]:
    """Returns the layers with a kernel that take in what a layer gives."""
    found: dict[str, None] = {}
    waiting = list(flat.graph.calls(name))
    seen = set()
    while waiting:
        for node in flat.graph.consumers(waiting.pop()):
            if node.layer in flat.kinds:
                found[node.layer] = None
            elif node.name not in seen:
                seen.add(node.name)
                waiting.append(node)
    return list(found)
