"""The stages that train nothing: the file, and what is measured on it."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfcompress import export
from tfcompress.errors import ModelError
from tfcompress.export import Artifact, Target
from tfcompress.export.account.plain_data import decode
from tfcompress.pipeline.named_labels import name_labels
from tfcompress.pipeline.stages import Evaluate, Export
from tfcompress.quantization import post_training
from tfcompress.report import Comparison, compare

FILE = "model.tflite"
RESULTS = "results.json"
REPORT = "report.html"


def export_model(
    stage: Export, target: Target, model: Any, folder: Path, place: Path, train: Any
) -> Artifact:
    """Writes the file of a stage `export` into its folder.

    Args:
        stage: The stage.
        target: What it is made for.
        model: The plain model where the stage has a scheme, else what was trained last.
        folder: Where to write.
        place: What the folder is called when it is whole, which is what warnings name.
        train: Data that ranges are learned from, where the model has none.

    Returns:
        The `Artifact` in the folder.

    Raises:
        ExportError: If the model cannot be written for the target.

    Example:
    ```python
    from pathlib import Path

    from tfcompress.export import find_target
    from tfcompress.pipeline import Export
    from tfcompress.pipeline.shipping import export_model

    folder, target = Path("."), find_target("cpu_float32")
    artifact = export_model(Export(), target, model, folder, folder, None)
    ```
    """
    with warnings.catch_warnings(record=True) as caught:
        artifact = _write(stage, target, model, folder, train)
    for each in caught:
        text = str(each.message).replace(str(folder), str(place))
        warnings.warn_explicit(text, each.category, each.filename, each.lineno)
    return artifact


def _write(
    stage: Export, target: Target, model: Any, folder: Path, train: Any
) -> Artifact:
    if stage.scheme is not None:
        return post_training(
            model,
            folder / FILE,
            scheme=stage.scheme,
            representative_data=train,
            strict=stage.strict,
        )
    return export.to_tflite(
        model,
        folder / FILE,
        target=target,
        representative_data=train,
        sparse=stage.sparse,
        strict=stage.strict,
    )


def describe_artifact(artifact: Artifact) -> str:
    """Says what a file holds, for the account of its stage.

    Args:
        artifact: The file.

    Returns:
        Its bytes and operations, and its notes, a line each.

    Example:
    ```python
    from tfcompress.pipeline.shipping import describe_artifact

    artifact = tfc.export.to_tflite(model, "m.tflite", target="cpu_float32")
    print(describe_artifact(artifact))
    ```
    """
    operations = ", ".join(f"{n} {kind}" for kind, n in artifact.operations.items())
    lines = [f"{artifact.bytes:,} bytes for {artifact.target.name}: {operations}"]
    return "\n".join([*lines, *artifact.notes])


def evaluate_files(
    stage: Evaluate,
    models: Mapping[str, Any],
    test: Any,
    folder: Path,
    *,
    title: str,
) -> Comparison:
    """Measures models side by side, and writes the figures and the page.

    Args:
        stage: The stage.
        models: The original first, then the files, by the names of their stages.
        test: Inputs and labels to measure on.
        folder: Where to write.
        title: Heading of the page.

    Returns:
        The `Comparison`.

    Raises:
        TFCompressError: If a file cannot be run, or a metric does not fit it.

    Example:
    ```python
    from pathlib import Path

    from tfcompress.pipeline import Evaluate
    from tfcompress.pipeline.shipping import evaluate_files

    stage = Evaluate(seconds=0.01)
    evaluate_files(stage, {"original": model}, (x, y), Path("."), title="Mine")
    ```
    """
    comparison = compare(
        models,
        name_labels(next(iter(models.values())), test),
        metrics=None if stage.metrics is None else list(stage.metrics),
        confidence=stage.confidence,
        threads=stage.threads,
        seconds=stage.seconds,
    )
    comparison.to_json(folder / RESULTS)
    comparison.to_html(folder / REPORT, title=title)
    return comparison


def read_comparison(folder: Path) -> Comparison:
    """Reads what a stage `evaluate` measured, but for what its page alone shows.

    Args:
        folder: Of the stage.

    Returns:
        The `Comparison`, with the same rows.

    Raises:
        ModelError: If the figures are not those of this version of tfcompress.

    Example:
    ```python
    from pathlib import Path

    from tfcompress.pipeline import Evaluate
    from tfcompress.pipeline.shipping import evaluate_files, read_comparison

    stage = Evaluate(seconds=0.01)
    evaluate_files(stage, {"original": model}, (x, y), Path("."), title="Mine")
    print(read_comparison(Path(".")))
    ```
    """
    try:
        plain = json.loads((folder / RESULTS).read_text("utf-8"))
        for row in plain["rows"]:  # JSON has no NaN: null stands for it.
            known = row["quality"].items()
            row["quality"] = {k: float("nan") if v is None else v for k, v in known}
        comparison: Comparison = decode(Comparison, plain)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            "Expected the figures of a stage evaluate. "
            f"Received: {str(folder / RESULTS)!r} ({error})"
        ) from error
    return comparison
