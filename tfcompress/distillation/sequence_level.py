"""Sequence-level distillation: the teacher's own sentences as targets."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import data, keras_compat
from tfcompress.distillation.programs.account import open_directory
from tfcompress.distillation.programs.weight_files import read_arrays, write_arrays
from tfcompress.distillation.teachers.fingerprint import fingerprint
from tfcompress.errors import ArgumentError, DataError


def decode_targets(
    teacher: Any,
    inputs: Any,
    decode: Callable[[Any, Any], Any],
    *,
    batch_size: int = 32,
    padding: int = 0,
    mix: float = 0.0,
    seed: int = 0,
    directory: str | os.PathLike[str] | None = None,
) -> tuple[Any, np.ndarray]:
    """Returns what a teacher makes of each input, to train a student on.

    Kim and Rush, "Sequence-Level Knowledge Distillation", 2016,
    https://arxiv.org/abs/1606.07947: a student that is trained on the sequences that
    the teacher decodes, greedily or by beam search, in the place of the true ones, has
    an easier task, and itself does well without beam search. Train it with ordinary
    `fit`.

    Args:
        teacher: Whatever `decode` takes: a model of either Keras, or anything else.
        inputs: Data in a form that `tfcompress.data.batches` accepts. Labels, where it
            brings any, are true sequences of shape `(batch, tokens)`, wanted for `mix`.
        decode: Called as `decode(teacher, x)` with the NumPy inputs of a batch; returns
            the numbers of the tokens, a sequence for each sample: an array or tensor of
            shape `(batch, tokens)`, a ragged tensor, or lists of unequal length.
        batch_size: Samples in a batch, where `inputs` are whole arrays. Defaults to 32.
        padding: Number of the token that fills shorter sequences. Defaults to 0.
        mix: Share of the samples, from 0 to 1, that keep their true sequence. Defaults
            to 0.
        seed: Draws those samples. Defaults to 0.
        directory: Folder that keeps what is decoded, batch by batch. After a kill the
            same call goes on from there. Defaults to None.

    Returns:
        The inputs as arrays, in the order that they were read in, and the targets that
        belong to them, int32 of shape `(samples, longest)`.

    Raises:
        ArgumentError: If a number is out of range or `decode` is no function.
        DataError: If what is decoded is no sequence of whole numbers for each sample,
            if `mix` is above 0 and there are no labels, or the data is another, or in
            another order, than when `directory` was begun.
        OutputError: If `directory` holds something else, or another teacher's, or
            cannot be used.

    Example:
    ```python
    import keras
    import numpy as np

    from tfcompress.distillation.sequence_level import decode_targets

    teacher = keras.Sequential([keras.Input((5,)), keras.layers.Dense(7)])

    def decode(teacher, x):  # a sequence of one token
        return np.argmax(teacher(x), axis=-1)[:, None]

    x, targets = decode_targets(teacher, np.ones((3, 5), np.float32), decode)
    ```
    """
    _check_arguments(decode, batch_size, padding, mix)
    folder = None if directory is None else Path(directory)
    if folder is not None:
        account = {
            "teacher": _identity(teacher),
            "decode": decode,
            "batch_size": batch_size,
        }
        open_directory(folder, account)
    read, sequences, gold = [], [], []
    for number, batch in enumerate(data.batches(inputs, batch_size=batch_size)):
        path = None if folder is None else folder / f"batch_{number:06d}.npz"
        sequences += _decode_batch(teacher, batch.x, decode, path)
        read.append(batch.x)
        if mix > 0:
            gold += _true_sequences(batch)
    count = round(mix * len(sequences))
    for index in np.random.default_rng(seed).permutation(len(sequences))[:count]:
        sequences[index] = gold[index]
    return tf.nest.map_structure(_joined, *read), _pad(sequences, padding)


def _decode_batch(
    teacher: Any, x: Any, decode: Callable[[Any, Any], Any], path: Path | None
) -> list[np.ndarray]:
    """Decodes a batch, or reads what was decoded of it before."""
    if path is None:
        return _as_sequences(decode(teacher, x), data.length(x))
    prints = fingerprint(x).numpy()
    if path.exists():
        (before, lengths, tokens), _ = read_arrays(path)
        if not np.array_equal(before, prints):
            raise DataError(
                "The data must be the same, and in the same order, as when the folder "
                "was begun: do not shuffle it, or choose another folder. "
                f"Received: other samples than in {path}"
            )
        return np.split(tokens, np.cumsum(lengths)[:-1])
    sequences = _as_sequences(decode(teacher, x), data.length(x))
    lengths = np.asarray([len(sequence) for sequence in sequences], np.int64)
    write_arrays(path, [prints, lengths, np.concatenate(sequences)], {})
    return sequences


def _joined(*parts: Any) -> Any:
    shapes = {np.shape(part)[1:] for part in parts}
    if len(shapes) > 1:
        raise DataError(
            "Inputs of all batches must have one shape: pad them to one length. "
            f"Received: samples of shapes {sorted(shapes)}"
        )
    return np.concatenate(parts)


def _as_sequences(decoded: Any, samples: int) -> list[np.ndarray]:
    """Returns an int32 array for each sample of whatever was decoded."""
    rows = decoded.to_list() if isinstance(decoded, tf.RaggedTensor) else decoded
    rows = list(rows) if isinstance(rows, list | tuple) else list(np.asarray(rows))
    if len(rows) != samples:
        raise DataError(
            "decode must return a sequence for each sample. Received: "
            f"{len(rows)} sequences for {samples} samples"
        )
    sequences = []
    for row in rows:
        tokens = np.asarray(row)
        if tokens.ndim == 1 and not tokens.size:
            tokens = tokens.astype(np.int32)
        if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
            raise DataError(
                "A sequence must hold whole numbers of tokens, along one axis. "
                f"Received: {data.describe(tokens)}"
            )
        sequences.append(tokens.astype(np.int32))
    return sequences


def _true_sequences(batch: data.Batch) -> list[np.ndarray]:
    if batch.y is None:
        raise DataError(
            "To mix in true sequences the data must bring them as labels; pass (x, y), "
            "or mix=0. Received: no labels"
        )
    return _as_sequences(batch.y, data.length(batch.x))


def _pad(sequences: list[np.ndarray], padding: int) -> np.ndarray:
    longest = max(map(len, sequences))
    padded = np.full((len(sequences), longest), padding, np.int32)
    for row, sequence in zip(padded, sequences, strict=True):
        row[: len(sequence)] = sequence
    return padded


def _identity(teacher: Any) -> str:
    """Returns a number of a model's weights; of anything else its class."""
    if not keras_compat.is_model(teacher):
        return type(teacher).__qualname__
    total = hashlib.sha256()
    for array in map(np.asarray, teacher.get_weights()):
        total.update(f"{array.shape} {array.dtype}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def _check_arguments(decode: Any, batch_size: Any, padding: Any, mix: Any) -> None:
    if not callable(decode):
        raise ArgumentError(
            "decode must be a function of the teacher and a batch of inputs. "
            f"Received: decode={decode!r}"
        )
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ArgumentError(
            "batch_size must be a whole number of 1 or more. "
            f"Received: batch_size={batch_size!r}"
        )
    if not isinstance(padding, int):
        raise ArgumentError(
            f"padding must be the number of a token. Received: padding={padding!r}"
        )
    if not 0 <= mix <= 1:
        raise ArgumentError(
            "mix is the share of samples that keep their true sequence, from 0 to 1. "
            f"Received: mix={mix!r}"
        )
