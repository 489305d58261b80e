# %% [markdown]
"""Film reviews: a Transformer, and an LSTM of both directions that learns from it.

Both are trained in plain Keras. Each then loses half of its channels, trains again,
taught by the Transformer, and gets a file of 8-bit weights. Each has its table.

Run it with `python examples/text_classification.py`. With `--data FOLDER` it takes the
Stanford Sentiment Treebank: `sst2_train.tsv`, `sst2_dev.tsv` and `sst2_test.tsv`, a
sentence, a tab and 0 or 1 on each line. Without, it makes up reviews of its own.
"""

# %%
# %pip install --quiet tfcompress

# %%
import argparse
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfcompress.pipeline import (
    Distillation,
    Evaluate,
    Export,
    Pipeline,
    PruneChannels,
    Training,
)

WORDS = 5_000
LENGTH = 40

# %% [markdown]
# ## Settings
# A notebook has no command line: there, change the list.

# %%
parser = argparse.ArgumentParser(description="Smaller networks for text.")
parser.add_argument("--data", type=Path, help="a folder; without it, made-up reviews")
parser.add_argument("--quick", action="store_true", help="a try: figures mean little")
parser.add_argument("--directory", type=Path, help="keeps what is done, to go on there")
arguments = parser.parse_args(["--quick"] if "get_ipython" in globals() else None)
directory = arguments.directory or Path(tempfile.mkdtemp(prefix="tfcompress-text-"))
epochs, epochs_pruned, batch = (8, 5, 32) if arguments.quick else (12, 10, 128)
few = 3_000 if arguments.quick else None

# %% [markdown]
# ## The data


# %%
def read_reviews(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sentences of a file, and 1 for each that praises."""
    lines = path.read_text(encoding="utf-8").splitlines()
    sentences, labels = zip(*(line.split("\t") for line in lines), strict=True)
    return np.array(sentences[:few]), np.array(labels[:few], "int32")


def make_reviews(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns made-up sentences of words from -3 to 3, where "not" turns one round."""
    generator = np.random.default_rng(seed)
    sentences, labels = [], []
    while len(sentences) < count:
        values = generator.integers(-3, 4, generator.integers(3, 10))
        turned = generator.random(len(values)) < 0.1
        total = np.where(turned, -values, values).sum()
        if total:
            words = [
                f"{'not ' * int(turn)}word{value}x{generator.integers(5)}"
                for value, turn in zip(values, turned, strict=True)
            ]
            sentences.append(" ".join(words))
            labels.append(total > 0)
    return np.array(sentences), np.array(labels, "int32")


if arguments.data:
    parts = [
        read_reviews(arguments.data / f"sst2_{part}.tsv")
        for part in ("train", "dev", "test")
    ]
else:
    parts = [make_reviews(count, seed) for seed, count in enumerate((3_000, 300, 500))]
numbers = keras.layers.TextVectorization(
    WORDS, standardize="lower", output_sequence_length=LENGTH
)
numbers.adapt(parts[0][0])
train, validation, test = (
    (np.array(numbers(sentences), "int32"), labels) for sentences, labels in parts
)

# %% [markdown]
# ## The models


# %%
def attend(x: Any, width: int) -> Any:
    """Applies a block of a Transformer: attention, then two dense layers."""
    layers = keras.layers
    branch = layers.Dropout(0.3)(layers.MultiHeadAttention(4, width // 4)(x, x))
    x = layers.LayerNormalization()(layers.Add()([x, branch]))
    branch = layers.Dense(width)(layers.Dense(2 * width, activation="relu")(x))
    return layers.LayerNormalization()(layers.Add()([x, layers.Dropout(0.3)(branch)]))


def build_transformer() -> keras.Model:
    """Builds a Transformer of one block, which loses whole words while it trains."""
    layers = keras.layers
    inputs = keras.Input((LENGTH,), dtype="int32")
    places = keras.ops.cumsum(keras.ops.ones_like(inputs), axis=1) - 1
    words = layers.Embedding(WORDS, 64, mask_zero=True)(inputs)
    places = layers.Embedding(LENGTH, 64, embeddings_initializer="zeros")(places)
    x = layers.Dropout(0.3, noise_shape=(None, LENGTH, 1))(
        layers.Add()([words, places])
    )
    x = attend(layers.Dropout(0.7)(x), 64)
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, layers.Dense(2)(x), name="transformer")


def build_lstm() -> keras.Model:
    """Builds an LSTM that reads in both directions."""
    layers = keras.layers
    inputs = keras.Input((LENGTH,), dtype="int32")
    x = layers.Embedding(WORDS, 16, mask_zero=True)(inputs)
    x = layers.Bidirectional(layers.LSTM(16))(layers.Dropout(0.4)(x))
    return keras.Model(inputs, layers.Dense(2)(layers.Dropout(0.4)(x)), name="lstm")


def train_alone(name: str, build: Callable[[], keras.Model]) -> keras.Model:
    """Returns a model trained on the labels, from its file where there is one."""
    path = directory / f"{name}.keras"
    if path.exists():
        return keras.models.load_model(path)
    keras.utils.set_random_seed(0)
    model = build()
    steps = epochs * math.ceil(len(train[0]) / batch)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(
        *train, batch_size=batch, epochs=epochs, validation_data=validation, verbose=2
    )
    directory.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return model


transformer = train_alone("transformer", build_transformer)
lstm = train_alone("lstm", build_lstm)

# %% [markdown]
# ## The whole way to their files
# Half of the channels go, and what is left learns from the Transformer. Files have
# weights of 8 bits and compute in float, which attention and recurrent layers need.
# What enters a layer is rounded too where that is faster: in the Transformer.

# %%
for model, scheme in ((transformer, "dynamic_range"), (lstm, "weight_only_int8")):
    narrow = PruneChannels(
        ratio=0.5,
        training=Training(epochs=epochs_pruned, batch_size=batch, learning_rate=2e-3),
        distillation=Distillation(teacher=transformer, cached=True),
    )
    pipeline = Pipeline([narrow, Export(scheme=scheme), Evaluate()], name=model.name)
    run = directory / model.name
    result = pipeline.run(model, train, validation, test=test, directory=run)
    print(model.name)
    print(result.comparison)
    print(f"Written to {result.artifact.path}")
