"""The file that ships, with its account."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfcompress.errors import ModelError
from tfcompress.export.account.account_file import account_path, read_account
from tfcompress.export.account.plain_data import decode
from tfcompress.export.census import Operation
from tfcompress.export.targets import Target
from tfcompress.export.verification.verification import Verification
from tfcompress.measurement import LiteRTModel, TensorDetails


@dataclasses.dataclass(frozen=True)
class FileSignature:
    """One of the functions that a file holds.

    Attributes:
        inputs: What goes in, by name: shape, dtype, scale and zero point.
        outputs: What comes out, by name.
        verification: How its outputs compare with the model's, or None where that was
            not measured.
    """

    inputs: Mapping[str, TensorDetails]
    outputs: Mapping[str, TensorDetails]
    verification: Verification | None = None


@dataclasses.dataclass(frozen=True)
class Artifact:
    """A `.tflite` file, and what is known about it. Wherever a path goes, it can go.

    The account stands beside the file as JSON, under the file's name with `.json`
    behind it; `Artifact.read` reads it back.

    Attributes:
        path: Where the file is.
        bytes: Its size.
        sha256: A fingerprint of its content.
        target: What it was made for.
        signatures: What goes in and comes out, for each function of the file by name.
            A file of one model has one, `"serving_default"`.
        operations: How many operations it holds, by kind and type, such as
            `{"CONV_2D int8": 3}`.
        float_operations: The operations that compute in float: all of a float file,
            none of a full-integer file where every layer could be quantized. Each has
            a `reason`, where that is known.
        accelerated_share: Share of the operations that XNNPACK, LiteRT's fast kernels
            for CPUs, takes, from 0 to 1, in the first graph of the file and those that
            it calls. None for a file that LiteRT cannot load.
        arena_bytes: The memory in which a microcontroller runs the file, where the
            target is one and the package `tflite-micro` is installed, else None.
        layers: What became of each layer with an operation of its own, where the file
            tells: its weights and its activations, such as `"int8 weights, int8
            activations"`.
        notes: What a user should know of the file, such as that it is slow.
        versions: Versions of the packages that made it.
        recipe: The call that made it, as plain data.

    Example:
    ```python
    artifact = tfc.export.to_tflite(model, "model.tflite", target="cpu_float32")
    scores = artifact.predict(images)
    print(artifact.inputs, artifact.operations, artifact.verification)
    ```
    """

    path: Path
    bytes: int
    sha256: str
    target: Target
    signatures: Mapping[str, FileSignature]
    operations: Mapping[str, int]
    float_operations: tuple[Operation, ...]
    accelerated_share: float | None
    arena_bytes: int | None = None
    layers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Artifact":
        """Reads the account of a file that was written before.

        Args:
            path: The `.tflite` file.

        Returns:
            The `Artifact`.

        Raises:
            ModelError: If the file or its account is not there, if the account is
                damaged, or if the file has changed since the account was written.

        Example:
        ```python
        artifact = tfc.export.Artifact.read("small.tflite")
        ```
        """
        written = read_account(path)
        try:
            account: Artifact = decode(cls, written)
        except (TypeError, ValueError) as error:
            raise ModelError(
                "The account of the file is damaged, or of another version of "
                "tfcompress; export the model again. "
                f"Received: {str(account_path(path))!r} ({error})"
            ) from error
        return dataclasses.replace(account, path=Path(path))

    @property
    def account(self) -> Path:
        """Where the account stands as JSON."""
        return account_path(self.path)

    @property
    def inputs(self) -> Mapping[str, TensorDetails]:
        """The inputs of the file, or of the first of its signatures."""
        return self._first.inputs

    @property
    def outputs(self) -> Mapping[str, TensorDetails]:
        """The outputs of the file, or of the first of its signatures."""
        return self._first.outputs

    @property
    def verification(self) -> Verification | None:
        """How the file's outputs compare with the model's, or None if not measured.

        Of several signatures, that which differs most from its model.
        """
        found = [each.verification for each in self.signatures.values()]
        known = [each for each in found if each is not None]
        return max(known, key=lambda each: each.relative_error, default=None)

    @property
    def open_axes(self) -> dict[str, tuple[int, ...]]:
        """For each input of any signature with axes of no fixed size, their numbers.

        Of inputs of one name in several signatures, those of the last of them that has
        any; `signatures` tells each.
        """
        return {
            name: tuple(axis for axis, size in enumerate(each.shape) if size is None)
            for signature in self.signatures.values()
            for name, each in signature.inputs.items()
            if None in each.shape
        }

    def predict(self, x: Any, *, signature: str | None = None) -> Any:
        """Runs the file on LiteRT; see `tfcompress.measurement.LiteRTModel.predict`.

        The file is read and made ready at each call. To run it often, keep a
        `LiteRTModel` of it.

        Args:
            x: An array of shape `(samples, ...)`, or a dict of them by input name.
            signature: Which signature to run, where the file holds several.

        Returns:
            The outputs as real numbers: an array of shape `(samples, ...)`, or a dict.

        Raises:
            DataError: If the inputs do not fit.
            ArgumentError: If there is no such signature, or several and none is named.
            ModelError: If the file is no longer there, was replaced, or cannot be run.
        """
        return LiteRTModel(self, signature=signature).predict(x)

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def _first(self) -> FileSignature:
        return next(iter(self.signatures.values()))
