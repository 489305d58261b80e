"""Writes the `.tflite` file that ships."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfcompress.errors import ArgumentError, DataError
from tfcompress.export.account.accounting import Verifications, write_artifact
from tfcompress.export.account.artifact import Artifact
from tfcompress.export.conversion.source import read_sources
from tfcompress.export.destination import check_batch, check_path
from tfcompress.export.joining import join_signatures
from tfcompress.export.model_file import make_file
from tfcompress.export.targets import Target, find_target
from tfcompress.export.verification.verification import verify


def to_tflite(
    model: Any,
    path: str | os.PathLike[str],
    *,
    target: str | Target = "cpu_int8",
    representative_data: Any = None,
    batch: int | None = 1,
    sparse: bool | None = None,
    strict: bool = False,
    flex: bool = False,
    verification: bool = True,
) -> Artifact:
    """Writes a Keras model as a `.tflite` file, and checks the file.

    The file holds TFLite's built-in operations only, so every LiteRT runtime can run
    it. It is run beside the model before it gets its name; a file that stood there
    before is replaced only by one that works. Its account is written beside it, as
    `Artifact.read` reads it.

    A quantization-aware model ships the whole numbers that it was trained with; a float
    file of it holds its rounded kernels, and rounds no activations. Kernels
    of 4 bits or fewer take half a byte a weight, of 2 bits in Dense layers a quarter;
    1x1 convolutions are then written as Dense layers, for which LiteRT has fast kernels
    of so few bits, and larger ones are slow, which `notes` of the artifact says.
    Depthwise and transposed convolutions, and kernels of 5 to 7 bits, take a byte a
    weight. So do those of recurrent layers, whose steps are computed in float; of 4
    bits or fewer half a byte.

    Args:
        model: A built functional or Sequential model of either Keras: plain, pruned,
            clustered, or quantization-aware. Half precision becomes float32. Also a
            `tfcompress.graph.Graph`, or a dict of models by name, which become
            signatures of one file; what their layers share is stored once. No model is
            changed.
        path: Where to write the file; its name must end in `.tflite`.
        target: A name of `tfcompress.export.TARGETS`, such as `"cpu_int8"`, the default
            (full integer, int8 in and out), `"cpu_int8_float_io"` (the same with
            float32 in and out), `"cpu_int16x8"` (int8 weights, int16 activations),
            `"cpu_float32"`, `"cpu_float16"` (weights at half the bytes),
            `"cpu_sparse"` (float32 in sparse encoding), `"gpu"` (float16),
            `"edgetpu"` (full integer, uint8 in and out), `"microcontroller"`,
            `"npu_int8"`, `"npu_int16"`; the path of a TOML file that describes one; or
            a `Target`. Devices that lack operations refuse a model that needs them.
        representative_data: Inputs like those of the application, in a form that
            `tfcompress.data.batches` accepts; 100 to 500 samples are usual, 512 are
            read at the most. Ranges of activations are learned from it, unless the
            model is quantization-aware and brings its own, of 8 bits; the file is
            verified on it. For a dict of models a dict of such data by the same names.
        batch: Samples in one run of the file. Defaults to 1, which recurrent layers
            need and which is fastest on phones; None allows any number. Other sizes
            that a model leaves open stay open in the file.
        sparse: Whether kernels with 30 % of zeros or more are written in the
            converter's sparse encoding: positions and numbers of what is not zero.
            Float files shrink by what was pruned. Speed comes only where
            `sparse_ready` says so, and from blocks of 4 zeros in Dense layers.
            Full-integer files hold convolutions, and Dense layers in blocks of 16.
            Combinations that LiteRT is known to get wrong are refused, and a file that
            is no smaller so is written without. Defaults to what the target says.
        strict: Whether an operation of a full-integer file that would compute in float
            is an error. LSTM layers of more than 64 steps, whose loop is left in float
            otherwise, become TFLite's own operation, which is slower and less exact.
        flex: Whether operations that TFLite lacks may go into the file as TensorFlow's
            own. Such a file cannot be run, and so not verified, by LiteRT in Python.
        verification: Whether the file is run and compared with the model, and one for a
            microcontroller also run as there, which tells its `arena_bytes`.

    Returns:
        An `Artifact`: path, size, inputs and outputs, operations by type, agreement
        with the model.

    Raises:
        ArgumentError: If the target is not known, the name does not end in `.tflite`,
            a full-integer file is asked of a model without ranges or data, or with
            activations of other bits than it was trained with, a sparse
            one of int8 weights with float or int16 activations, or one of several
            models for a microcontroller.
        DataError: If representative data is empty, not finite or does not fit.
        ModelError: If the model is subclassed, unbuilt, holds weights not finite, is
            still being pruned or clustered, or is quantization-aware and not
            calibrated.
        ExportError: If the model cannot be converted, if its weights do not fit into a
            file, if the target cannot run it, if the file does not do what the
            model does, or would not on a device with sparse kernels, or if it computes
            in float where `strict` does not allow it.
        OutputError: If the file cannot be written.

    Example:
    ```python
    artifact = tfc.export.to_tflite(
        model, "model.tflite", target="cpu_int8", representative_data=images[:200]
    )
    ```
    """
    target = find_target(target)
    path = check_path(path)
    check_batch(batch)
    models = read_sources(model)
    if len(models) > 1 and target.runtime != "litert":
        raise ArgumentError(
            f"The target {target.name!r} runs one function of a file; export each "
            f"model to a file of its own. Received: models {list(models)}"
        )
    data = _by_signature(model, models, representative_data)
    files = {
        name: make_file(
            each,
            target,
            representative_data=data[name],
            batch=batch,
            sparse=target.sparse if sparse is None else sparse,
            strict=strict,
            flex=flex,
            verification=verification,
        )
        for name, each in models.items()
    }
    several = isinstance(model, Mapping)
    if several:
        content = join_signatures({n: file.content for n, file in files.items()})
    else:
        (content,) = (file.content for file in files.values())
    notes = tuple(dict.fromkeys(note for file in files.values() for note in file.notes))
    flexible = sorted({kind for file in files.values() for kind in file.flex})
    if flexible:
        notes += (
            f"The file holds operations of TensorFlow ({', '.join(flexible)}), so it "
            "is not verified: LiteRT in Python cannot run it. The app needs the Flex "
            "delegate (tensorflow-lite-select-tf-ops on Android, "
            "TensorFlowLiteSelectTfOps on iOS), some tens of megabytes.",
        )
    elif not verification:
        notes += ("The file was not compared with the model: verification=False.",)

    def check(temporary: Path) -> Verifications:
        if flexible or not verification:
            return {}
        return {
            name: verify(
                temporary,
                file.model,
                file.signature,
                target,
                file.samples,
                key=name if several else None,
            )
            for name, file in files.items()
        }

    artifact = write_artifact(
        path,
        content,
        target,
        verify=check,
        recipe={
            "function": "tfcompress.export.to_tflite",
            "target": target.name,
            "batch": batch,
            "sparse": sparse,
            "strict": strict,
            "flex": flex,
            "verification": verification,
            "signatures": {name: file.recipe for name, file in files.items()},
        },
        notes=notes,
        arena_bytes=max(
            (each.arena_bytes for each in files.values() if each.arena_bytes),
            default=None,
        ),
    )
    for note in artifact.notes:
        warnings.warn(f"{path}: {note}", stacklevel=2)
    return artifact


def _by_signature(model: Any, models: Mapping[str, Any], data: Any) -> dict[str, Any]:
    """Returns the representative data of each model."""
    if data is None or not isinstance(model, Mapping):
        return dict.fromkeys(models, data)
    if not isinstance(data, Mapping) or set(data) != set(models):
        received = list(data) if isinstance(data, Mapping) else type(data).__name__
        raise DataError(
            "Representative data for several models must be a dict by the names of the "
            f"models, {list(models)}. Received: {received}"
        )
    return dict(data)
