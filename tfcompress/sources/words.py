"""Sentences as rows of word numbers."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from tfcompress.errors import DataError
from tfcompress.sources.model_inputs import ModelInput
from tfcompress.sources.parts import Part

_PADDING, _OTHERS = "", "[UNK]"


def read_vocabulary(path: str | os.PathLike[str]) -> list[str]:
    """Returns the words of a file, one a line, in the order of their numbers.

    Args:
        path: A text file in UTF-8. The padding, which is 0, and the word for all
            others, which is 1, may stand at its beginning as an empty line and `[UNK]`,
            as in `TextVectorization.get_vocabulary()`, or be left out.

    Returns:
        The words, without these two.

    Raises:
        DataError: If there is no such file, if it is no text, or if a word stands in
            it twice.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"Expected a file of words, one a line, in UTF-8: {error}. "
            f"Received: vocabulary={os.fspath(path)!r}"
        ) from error
    words = text.removesuffix("\n").split("\n") if text else []
    if words[:2] == [_PADDING, _OTHERS]:
        words = words[2:]
    double = next((w for n, w in enumerate(words) if w in ("", _OTHERS)), None)
    seen: set[str] = set()
    for word in words:
        if word in seen:
            double = word
            break
        seen.add(word)
    if double is not None or not words:
        raise DataError(
            "A vocabulary must hold words, each once, one a line. "
            f"Received: vocabulary={os.fspath(path)!r}"
            + ("" if double is None else f" with {double!r} more than once, or empty")
        )
    return words


def number_words(
    texts: dict[Part, np.ndarray],
    taken: ModelInput,
    *,
    known: int | None,
    vocabulary: list[str] | None,
) -> tuple[dict[Part, np.ndarray], tuple[str, ...]]:
    """Turns sentences into rows of word numbers, as Keras's TextVectorization does.

    Sentences are written in small letters and without punctuation, and cut at spaces.
    Number 0 is the padding at the end, 1 any word that is not in the vocabulary.

    Args:
        texts: Sentences `(samples,)` of each part.
        taken: The input of the model. Where the length of its sequences is open, that
            of the longest sentence of `"train"` is taken.
        known: How many numbers the model's Embedding knows, or None.
        vocabulary: The words from number 2 on. Defaults to the most frequent words of
            `"train"`.

    Returns:
        Word numbers `(samples, length)` of each part, and the vocabulary with its first
        two entries.

    Raises:
        DataError: If the model takes no sequences, or knows fewer words than the
            vocabulary holds.
    """
    import keras

    if len(taken.shape) != 2:
        raise DataError(
            "The data holds text, but the model takes no sequences of word numbers, "
            f"shape (None, length). Received: a model with an input of {taken.shape}"
        )
    if vocabulary is None and known is None:
        raise DataError(
            "The data holds text, but the model has no Embedding that says how many "
            "words it knows. Give the words with which it was trained (--vocabulary), "
            "or the Keras model that a file was made from (--like). Where the text is "
            "names of kinds in a table of numbers, give each a number, or a column of "
            "0 and 1 as pandas.get_dummies does. Received: vocabulary=None"
        )
    if vocabulary is not None and known is not None and len(vocabulary) + 2 > known:
        raise DataError(
            f"The vocabulary must fit the model's Embedding, which knows {known} "
            "numbers, two of them for the padding and for other words. "
            f"Received: a vocabulary of {len(vocabulary)} words"
        )
    numbering = keras.layers.TextVectorization(
        max_tokens=None if vocabulary is not None else known,
        output_sequence_length=taken.shape[1],
        vocabulary=vocabulary,
    )
    if vocabulary is None:
        numbering.adapt(texts["train"].tolist())
    numbers: dict[Part, Any] = {
        part: np.asarray(numbering(sentences.tolist()))
        for part, sentences in texts.items()
    }
    length = taken.shape[1] or max(1, numbers["train"].shape[1])
    return (
        {part: _with_length(rows, length) for part, rows in numbers.items()},
        tuple(map(str, numbering.get_vocabulary())),
    )


def _with_length(rows: np.ndarray, length: int) -> np.ndarray:
    padding = max(0, length - rows.shape[1])
    return np.pad(rows, ((0, 0), (0, padding)))[:, :length]
