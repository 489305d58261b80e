"""The tasks of `quantization.py`: their data, and their networks in float.

Each network is small enough to be trained on two cores in minutes, and ends in logits.
"""

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Arrays = tuple[np.ndarray, np.ndarray]

CLASSES, VALIDATION = 10, 2_000
WIDTH = 16
WORDS, LENGTH, EMBEDDING = 5_000, 40, 64
RATE, WINDOW, HOP, MELS, FRAMES = 8_000, 256, 160, 32, 48


@dataclasses.dataclass(frozen=True)
class Data:
    """What a network learns from, what settings are chosen on, and the test.

    Attributes:
        train: Inputs as they are stored, and class numbers.
        validation: The same, of samples held out of the training data.
        test: The same, for the final figures.
    """

    train: Arrays
    validation: Arrays
    test: Arrays


def same(x: Any) -> Any:
    """Returns an input as it is."""
    return x


@dataclasses.dataclass(frozen=True)
class Task:
    """A task, its network and how that is trained.

    Attributes:
        title: What the table calls it.
        read: Reads the data from a path.
        build: Builds the network, untrained.
        epochs: Of the training in float.
        rate: The learning rate of that training, of Adam.
        batch: Samples in a step.
        tuning_steps: Steps of training on.
        tuning_rate: The learning rate of that.
        tfmot_rate: The learning rate of TF-MOT's training on.
        rate_of_4_bits: The learning rate with weights of 4 bits.
        prepare: From stored inputs to those of the network.
        augment: From one stored input to one of the network, changed at random.
    """

    title: str
    read: Callable[[Path], Data]
    build: Callable[[], keras.Model]
    epochs: int
    rate: float
    batch: int
    tuning_steps: int
    tuning_rate: float
    tfmot_rate: float
    rate_of_4_bits: float
    prepare: Callable[[Any], Any] = same
    augment: Callable[[Any], Any] = same

    def batches(self, train: Arrays, seed: int) -> tf.data.Dataset:
        """Returns the training data in shuffled batches, augmented, without an end."""
        data = tf.data.Dataset.from_tensor_slices(train)
        data = data.shuffle(len(train[0]), seed=seed).repeat()
        data = data.map(lambda x, y: (self.augment(x), y), num_parallel_calls=2)
        return data.batch(self.batch, drop_remainder=True).prefetch(2)


def read_images(path: Path) -> Data:
    """Returns CIFAR-10 as bytes; the last images of training are for validation."""
    file = np.load(path)

    def part(name: str) -> Arrays:
        joined, offset = file[f"jpeg_{name}"], file[f"offset_{name}"]
        images = [
            tf.io.decode_jpeg(joined[start:end].tobytes()).numpy()
            for start, end in itertools.pairwise(offset)
        ]
        return np.stack(images), file[f"y_{name}"].astype("int32")

    x, y = part("train")
    kept = len(x) - VALIDATION
    return Data((x[:kept], y[:kept]), (x[kept:], y[kept:]), part("test"))


def scale(images: Any) -> Any:
    """Returns bytes as numbers from -1 to 1."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def enlarge(images: Any) -> Any:
    """Returns images of 48 by 48 points, from -1 to 1."""
    return tf.image.resize(scale(images), (48, 48))


def shift(image: Any) -> Any:
    """Returns an image shifted by up to 4 points, mirrored half of the time."""
    image = tf.pad(image, ((4, 4), (4, 4), (0, 0)), "REFLECT")
    return tf.image.random_flip_left_right(tf.image.random_crop(image, (32, 32, 3)))


def build_resnet() -> keras.Model:
    """Builds a residual network of 8 layers, 16 to 64 channels wide."""
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.ReLU()(convolution(inputs, WIDTH))
    for stage in range(3):
        x = residual(x, WIDTH << stage, 2 if stage else 1)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x), name="resnet")


def residual(x: Any, width: int, strides: int) -> Any:
    """Applies a residual block of two convolutions."""
    branch = keras.layers.ReLU()(convolution(x, width, strides))
    branch = convolution(branch, width)
    if strides > 1:
        x = convolution(x, width, strides, size=1)
    return keras.layers.ReLU()(keras.layers.Add()([x, branch]))


def convolution(x: Any, width: int, strides: int = 1, size: int = 3) -> Any:
    """Applies a convolution and batch normalization."""
    x = keras.layers.Conv2D(width, size, strides, padding="same", use_bias=False)(x)
    return keras.layers.BatchNormalization(momentum=0.9)(x)


def build_mobilenet() -> keras.Model:
    """Builds the stock MobileNetV2 at a width of 0.35, for images of 48 points."""
    model = keras.applications.MobileNetV2(
        (48, 48, 3),
        alpha=0.35,
        weights=None,
        classes=CLASSES,
        classifier_activation=None,
    )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # The stock 0.999 is for training of many epochs.
    return model


def read_reviews(folder: Path) -> Data:
    """Returns sentences as rows of word numbers, and 1 for each that praises."""

    def part(name: str) -> tuple[list[str], np.ndarray]:
        text = (folder / f"sst2_{name}.tsv").read_text(encoding="utf-8")
        lines = [line.split("\t") for line in text.splitlines()]
        labels = np.array([label for _, label in lines], "int32")
        return [sentence for sentence, _ in lines], labels

    numbers = keras.layers.TextVectorization(
        WORDS, standardize="lower", output_sequence_length=LENGTH
    )
    numbers.adapt(part("train")[0])
    found = []
    for name in ("train", "dev", "test"):
        sentences, labels = part(name)
        found.append((np.array(numbers(sentences), "int32"), labels))
    return Data(*found)


def lose_words(words: Any) -> Any:
    """Returns a sentence with a tenth of its words unknown."""
    lost = (tf.random.uniform(tf.shape(words)) < 0.1) & (words > 0)
    return tf.where(lost, tf.ones_like(words), words)


def build_transformer() -> keras.Model:
    """Builds a Transformer of one block; a convolution tells it which word is where."""
    layers = keras.layers
    inputs = keras.Input((LENGTH,), dtype="int32")
    x = layers.Dropout(0.5)(layers.Embedding(WORDS, EMBEDDING)(inputs))
    x = layers.Add()([x, layers.Conv1D(EMBEDDING, 3, padding="same")(x)])
    x = layers.LayerNormalization()(x)
    branch = layers.MultiHeadAttention(4, EMBEDDING // 4, dropout=0.1)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, layers.Dropout(0.3)(branch)]))
    branch = layers.Dense(EMBEDDING)(layers.Dense(128, activation="relu")(x))
    x = layers.LayerNormalization()(layers.Add()([x, layers.Dropout(0.3)(branch)]))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, layers.Dense(2)(x), name="transformer")


def read_digits(path: Path) -> Data:
    """Returns log-mel pictures; of 50 recordings of each digit the first are the test.

    The first 15 of every speaker and digit are for the test, the next 5 for validation.
    """
    file = np.load(path)
    recordings = np.split(file["audio"].astype("float32"), file["offset"][1:-1])
    x = np.stack([log_mel(recording) for recording in recordings])
    y, index = file["digit"].astype("int32"), file["index"]
    parts = (index >= 20, (index >= 15) & (index < 20), index < 15)
    x = (x - x[parts[0]].mean()) / x[parts[0]].std()
    return Data(*((x[part], y[part]) for part in parts))


def log_mel(recording: np.ndarray) -> np.ndarray:
    """Returns the log-mel picture of a recording, of 48 frames and 32 bands."""
    length = WINDOW + HOP * (FRAMES - 1)
    wave = recording[:length] / max(np.abs(recording).max(), 1e-6)
    wave = np.pad(wave, (0, length - len(wave)))
    spectrum = tf.abs(tf.signal.stft(wave, WINDOW, HOP))
    bands = tf.signal.linear_to_mel_weight_matrix(
        MELS, spectrum.shape[-1], RATE, 60.0, RATE / 2
    )
    return np.log(spectrum @ bands + 1e-2)


def disturb(picture: Any) -> Any:
    """Returns a picture moved by up to 8 frames, louder or softer, with noise."""
    picture = tf.roll(picture, tf.random.uniform((), 0, 9, tf.int32), axis=0)
    loudness = tf.random.uniform((), -0.3, 0.3)
    return picture + loudness + tf.random.normal(tf.shape(picture), stddev=0.2)


def build_lstm() -> keras.Model:
    """Builds an LSTM of 64 units behind a Dense layer for each frame."""
    layers = keras.layers
    inputs = keras.Input((FRAMES, MELS))
    x = layers.Dense(48, activation="relu")(inputs)
    x = layers.LSTM(64)(layers.Dropout(0.2)(x))
    x = layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(CLASSES)(x), name="lstm")


TASKS = {
    "resnet": Task(
        "CIFAR-10, ResNet-8",
        read_images,
        build_resnet,
        epochs=5,
        rate=2e-3,
        batch=64,
        tuning_steps=150,
        tuning_rate=1e-4,
        tfmot_rate=3e-4,
        rate_of_4_bits=5e-4,
        prepare=scale,
        augment=lambda image: scale(shift(image)),
    ),
    "mobilenet": Task(
        "CIFAR-10, MobileNetV2-0.35",
        read_images,
        build_mobilenet,
        epochs=3,
        rate=2e-3,
        batch=64,
        tuning_steps=120,
        tuning_rate=1e-4,
        tfmot_rate=3e-4,
        rate_of_4_bits=5e-4,
        prepare=enlarge,
        augment=lambda image: enlarge(shift(image)),
    ),
    "transformer": Task(
        "SST-2, Transformer",
        read_reviews,
        build_transformer,
        epochs=6,
        rate=1e-3,
        batch=64,
        tuning_steps=108,
        tuning_rate=3e-5,
        tfmot_rate=3e-5,
        rate_of_4_bits=2e-4,
        augment=lose_words,
    ),
    "lstm": Task(
        "Spoken digits, LSTM",
        read_digits,
        build_lstm,
        epochs=40,
        rate=3e-3,
        batch=64,
        tuning_steps=280,
        tuning_rate=2e-4,
        tfmot_rate=2e-4,
        rate_of_4_bits=5e-4,
        augment=disturb,
    ),
}
