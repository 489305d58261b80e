"""Writes a `.tflite` file together with its account."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from tfcompress.export.account.account_file import digest, replacing_with_account
from tfcompress.export.account.artifact import Artifact, FileSignature
from tfcompress.export.account.float_reasons import explain_float_operations
from tfcompress.export.census import count_operations, list_operations
from tfcompress.export.targets import Target
from tfcompress.export.verification.partitions import accelerated_share
from tfcompress.export.verification.verification import Verification
from tfcompress.measurement.files.file_graph import DEFAULT_SIGNATURE, describe_tensors
from tfcompress.measurement.files.trial import trust
from tfcompress.measurement.speed.versions import versions

_PACKAGES = (
    "tfcompress",
    "tensorflow",
    "keras",
    "tf-keras",
    "tensorflow-model-optimization",
    "ai-edge-litert",
    "ai-edge-quantizer",
    "numpy",
)

Verifications = Mapping[str, Verification | None]


def write_artifact(
    path: Path,
    content: bytes,
    target: Target,
    *,
    verify: Callable[[Path], Verifications],
    recipe: Mapping[str, Any],
    layers: Mapping[str, str] | None = None,
    notes: tuple[str, ...] = (),
    arena_bytes: int | None = None,
) -> Artifact:
    """Writes a file and its account, if the file is verified.

    Args:
        path: Where to write the file.
        content: Its bytes.
        target: What it was made for.
        verify: Compares the file at a temporary path with the model, and raises an
            error if it is no good. Returns what was found for each signature by name.
        recipe: The call that made the file.
        layers: What became of each layer.
        notes: What a user should know of the file, to which those of the verification
            come.
        arena_bytes: The memory that a microcontroller needs to run it, where known.

    Returns:
        The `Artifact`.

    Raises:
        OutputError: If the file or its account cannot be written, or the account would
            replace a file of another kind. What stood there before stays.
        Exception: Whatever `verify` raises.
    """
    with replacing_with_account(path) as (temporary, write):
        temporary.write_bytes(content)
        trust(content)
        found = verify(temporary)
        artifact = Artifact(
            path=path,
            bytes=len(content),
            sha256=digest(content),
            target=target,
            signatures={
                name: dataclasses.replace(each, verification=found.get(name))
                for name, each in read_signatures(content).items()
            },
            operations=count_operations(list_operations(content)),
            float_operations=explain_float_operations(content, target),
            accelerated_share=accelerated_share(content),
            arena_bytes=arena_bytes,
            layers=dict(layers or {}),
            notes=notes + _notes_of(found),
            versions=versions(_PACKAGES),
            recipe=dict(recipe),
        )
        write(artifact)
    return artifact


def _notes_of(found: Verifications) -> tuple[str, ...]:
    known = [each.notes for each in found.values() if each is not None]
    return tuple(dict.fromkeys(note for notes in known for note in notes))


def read_signatures(content: bytes) -> dict[str, FileSignature]:
    """Reads what goes in and comes out of each function of a file.

    Args:
        content: The bytes of a `.tflite` file.

    Returns:
        The signatures by name. Those of a file without any are the tensors of its
        first graph, under the name `"serving_default"`.
    """
    interpreter = Interpreter(model_content=content)
    found = {}
    for name in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(name)
        found[name] = FileSignature(
            describe_tensors(runner.get_input_details()),
            describe_tensors(runner.get_output_details()),
        )
    if found:
        return found
    inputs = {each["name"]: each for each in interpreter.get_input_details()}
    outputs = {each["name"]: each for each in interpreter.get_output_details()}
    return {
        DEFAULT_SIGNATURE: FileSignature(
            describe_tensors(inputs), describe_tensors(outputs)
        )
    }
