"""What is seen of models beside the numbers of their rows."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tfcompress.errors import ArgumentError, ModelError
from tfcompress.export import read_metadata
from tfcompress.measurement.quality.agreement import share_agreement
from tfcompress.measurement.quality.prediction import Predictions
from tfcompress.report.confusion import count_pairs
from tfcompress.report.details import Details
from tfcompress.report.find_changes import find_changes
from tfcompress.report.layer_costs import list_layer_costs
from tfcompress.report.seen_inputs import SeenInputs

Said = Predictions | Mapping[str, Predictions]


def by_output(said: Said) -> dict[str, Predictions]:
    """Returns predictions by output; the only output of a model has the name `""`."""
    return {"": said} if isinstance(said, Predictions) else dict(said)


def check_same_task(said: Said, reference: Said) -> None:
    """Raises an error if a model does not answer what the reference answers.

    Raises:
        ModelError: If it has other outputs, or outputs of another shape.
    """
    own, other = (
        {name: part.scores.shape[1:] for name, part in by_output(each).items()}
        for each in (said, reference)
    )
    if own != other:
        raise ModelError(
            "All models must have the outputs of the reference, and as many classes. "
            f"Received: {_describe(own)} beside {_describe(other)} of the reference"
        )


def share_of_agreement(said: Said, reference: Said) -> float | None:
    """Computes the share of choices that are those of the reference.

    Args:
        said: Predictions of a model.
        reference: Predictions of the reference on the same samples.

    Returns:
        A share from 0 to 1, the mean over outputs that name classes; None if none does.
    """
    other = by_output(reference)
    shares = [
        share_agreement(other[name], part)
        for name, part in by_output(said).items()
        if part.kind == "classes"
    ]
    return float(np.mean(shares)) if shares else None


def see_details(
    files: Mapping[str, Path],
    predictions: Mapping[str, Said],
    reference: str,
    inputs: SeenInputs,
    class_names: Sequence[str] | None,
) -> Details:
    """Looks at the reference, and at the last row, which is taken for what ships.

    Args:
        files: The files by the names of their rows.
        predictions: What they say, by the same names.
        reference: Name of the reference.
        inputs: The samples.
        class_names: What the classes are called, or None for the labels in the files.

    Returns:
        The `Details`.

    Raises:
        ArgumentError: If there are not as many names as classes.
    """
    shipped = list(files)[-1]
    parts = {name: by_output(predictions[name]) for name in (reference, shipped)}
    matrices = {}
    for name, outputs in parts.items():
        for output, part in outputs.items():
            if part.kind == "classes":
                title = f"{name}, output {output}" if output else name
                matrices[title] = count_pairs(part)
    classes = max(part.width for part in parts[reference].values())
    names = _class_names(class_names, (files[name] for name in parts), classes)
    changes = None
    if shipped != reference:
        output = _asked(parts[reference])
        found = find_changes(
            parts[reference][output], parts[shipped][output], inputs, names
        )
        changes = dataclasses.replace(found, output=output)
    return Details(
        layers={name: list_layer_costs(files[name]) for name in parts},
        confusion_matrices=matrices,
        classes=names,
        changes=changes,
    )


def _asked(outputs: Mapping[str, Predictions]) -> str:
    """Returns the first output that has labels."""
    return next(name for name, part in outputs.items() if part.kind)


def _class_names(
    names: Sequence[str] | None, files: Iterable[Path], classes: int
) -> tuple[str, ...]:
    if names is None:
        known = [
            labels for labels in map(_read_labels, files) if len(labels) == classes
        ]
        return known[0] if known else tuple(map(str, range(classes)))
    if isinstance(names, str) or len(names) < classes:
        raise ArgumentError(
            f"class_names must be {classes} names, one for each class. "
            f"Received: class_names={names!r}"
        )
    return tuple(map(str, names))


def _read_labels(path: Path) -> tuple[str, ...]:
    """Returns the labels in a file; none if what it says of itself is damaged."""
    try:
        return read_metadata(path).labels
    except ModelError:
        return ()


def _describe(shapes: Mapping[str, tuple[int, ...]]) -> str:
    parts = [
        f"{name or 'an output'} of shape {shape}" for name, shape in shapes.items()
    ]
    return ", ".join(parts)
