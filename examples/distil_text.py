"""Film reviews: an LSTM of 41,000 weights learns from a Transformer of 356,000.

Run it with `python examples/distil_text.py --data FOLDER`, where the folder holds the
Stanford Sentiment Treebank as `sst2_train.tsv` and `sst2_test.tsv`, a sentence, a tab
and 0 or 1 on each line. Without `--data` it makes up reviews of its own.
"""

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
from distillation_comparison import (
    Task,
    compare,
    correlation,
    features,
    parse_arguments,
    soft_targets,
)

WORDS = 5_000
LENGTH = 40
VIEWS = 3
UNKNOWN = 1

# Two classes leave decoupled distillation nothing beside the logits, and have no order
# to teach: DIST teaches that of the samples, without the factor T² that drowns labels.
METHODS_OF_TWO_CLASSES = {
    "KD": soft_targets,
    "DIST, samples": functools.partial(correlation, beta=0, temperature=1),
    "KD, hint": functools.partial(features, weight=1),
}


def read_reviews(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sentences of a file, and 1 for each that praises."""
    lines = path.read_text(encoding="utf-8").splitlines()
    sentences, labels = zip(*(line.split("\t") for line in lines), strict=True)
    return np.array(sentences), np.array(labels, "int32")


def make_reviews(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns made-up sentences of words from -3 to 3, where "not" turns one round."""
    generator = np.random.default_rng(seed)
    sentences, labels = [], []
    while len(sentences) < count:
        values = generator.integers(-3, 4, generator.integers(4, 16))
        turned = generator.random(len(values)) < 0.2
        total = np.where(turned, -values, values).sum()
        if total:
            words = [
                f"{'not ' * int(turn)}word{value}x{generator.integers(5)}"
                for value, turn in zip(values, turned, strict=True)
            ]
            sentences.append(" ".join(words))
            labels.append(total > 0)
    return np.array(sentences), np.array(labels, "int32")


def number_words(
    sentences: np.ndarray, other: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns both as rows of word numbers; the first say which words there are."""
    numbers = keras.layers.TextVectorization(
        WORDS, standardize="lower", output_sequence_length=LENGTH
    )
    numbers.adapt(sentences)
    return tuple(np.array(numbers(part), "int32") for part in (sentences, other))


def draw_views(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns each sentence in three views, two of which lack a fifth of the words."""
    generator = np.random.default_rng(0)
    views = [x]
    for _ in range(VIEWS - 1):
        lost = (generator.random(x.shape) < 0.2) & (x > 0)
        views.append(np.where(lost, UNKNOWN, x))
    return np.concatenate(views), np.tile(y, VIEWS)


def attend(x: Any, width: int) -> Any:
    """Applies a block of a Transformer: attention, then two dense layers."""
    layers = keras.layers
    branch = layers.MultiHeadAttention(4, width // 4, dropout=0.2)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, layers.Dropout(0.3)(branch)]))
    branch = layers.Dense(width)(layers.Dense(2 * width, activation="relu")(x))
    return layers.LayerNormalization()(layers.Add()([x, layers.Dropout(0.3)(branch)]))


@keras.saving.register_keras_serializable("tfcompress_examples")
class Position(keras.layers.Layer):
    """Adds to each word a vector, learned, for the place where it stands."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Makes the vectors."""
        self.vectors = self.add_weight(shape=shape[1:], initializer="zeros")

    def call(self, x: Any) -> Any:
        """Returns the sum."""
        return x + self.vectors


def build_teacher() -> keras.Model:
    """Builds a Transformer of one block."""
    layers = keras.layers
    inputs = keras.Input((LENGTH,), dtype="int32")
    x = layers.Embedding(WORDS, 64, mask_zero=True)(inputs)
    x = layers.Dropout(0.3, noise_shape=(None, LENGTH, 1))(Position()(x))
    x = attend(layers.Dropout(0.7)(x), 64)
    x = layers.GlobalAveragePooling1D(name="features")(x)
    return keras.Model(inputs, layers.Dense(2)(layers.Dropout(0.5)(x)), name="teacher")


def build_student() -> keras.Model:
    """Builds an LSTM of 8 units."""
    layers = keras.layers
    inputs = keras.Input((LENGTH,), dtype="int32")
    x = layers.Embedding(WORDS, 8, mask_zero=True)(inputs)
    x = layers.LSTM(8, name="features")(layers.Dropout(0.3)(x))
    return keras.Model(inputs, layers.Dense(2)(x), name="student")


arguments = parse_arguments(__doc__.split("\n\n")[0])
if arguments.data:
    sentences, labels = read_reviews(arguments.data / "sst2_train.tsv")
    sentences_test, labels_test = read_reviews(arguments.data / "sst2_test.tsv")
else:
    sentences, labels = make_reviews(1_000, seed=0)
    sentences_test, labels_test = make_reviews(500, seed=1)
if arguments.quick:
    sentences, labels = sentences[:1_000], labels[:1_000]
x, x_test = number_words(sentences, sentences_test)
compare(
    Task(
        name="text",
        train=draw_views(x, labels),
        test=(x_test, labels_test),
        build_teacher=build_teacher,
        build_student=build_student,
        methods=METHODS_OF_TWO_CLASSES,
        teacher_epochs=4,
        student_epochs=5,
        learning_rate=3e-3,
    ),
    arguments,
)
