# %% [markdown]
"""Spoken digits: a network for a microcontroller learns from one that is far larger.

A convolutional network is trained on log-mel pictures of one second. A depthwise
separable one learns from it, then trains with the rounding of its file, which holds
only what TensorFlow Lite for Microcontrollers computes.

Run it with `python examples/keyword_spotting.py`. With `--data fsdd.npz` it takes
recordings at 8 kHz: `audio`, all of them joined, recording i is `offset[i]` to
`offset[i + 1]`, and its `digit` and `speaker`. One speaker is held out to test on.
Without, it takes tones in noise, higher for higher digits.
"""

# %%
# %pip install --quiet tfcompress

# %%
import argparse
import math
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfcompress.pipeline import (
    Distil,
    Distillation,
    Evaluate,
    Export,
    Pipeline,
    Quantize,
    Training,
)

HELD_OUT = "theo"
RATE = 8_000
LENGTH = RATE  # one second

# %% [markdown]
# ## Settings
# A notebook has no command line: there, change the list.

# %%
parser = argparse.ArgumentParser(description="A small network for spoken words.")
parser.add_argument("--data", type=Path, help="an .npz file; without it, made-up tones")
parser.add_argument("--quick", action="store_true", help="a try: figures mean little")
parser.add_argument("--directory", type=Path, help="keeps what is done, to go on there")
arguments = parser.parse_args(["--quick"] if "get_ipython" in globals() else None)
directory = arguments.directory or Path(tempfile.mkdtemp(prefix="tfcompress-speech-"))
epochs, epochs_taught, epochs_quantized = (3, 12, 2) if arguments.quick else (6, 20, 3)
few, views = (1_200, 1) if arguments.quick else (None, 5)

# %% [markdown]
# ## The data
# Recordings to train on come in several views: faster or slower, moved, with noise.


# %%
def make_recordings() -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Returns tones in noise, their digits, and which are to test on."""
    generator = np.random.default_rng(0)
    digits = np.arange(1_600, dtype="int32") % 10
    recordings = []
    for digit in digits:
        time = np.arange(generator.integers(1_000, LENGTH)) / RATE  # in seconds
        tone = np.sin(2 * np.pi * 300 * 1.25**digit * time)
        noise = generator.normal(0, 0.5, len(time))
        recordings.append((tone + noise).astype("float32"))
    return recordings, digits, generator.random(len(digits)) < 0.25


def place(recording: np.ndarray, start: float) -> np.ndarray:
    """Returns one second with the recording in it, as loud as any other."""
    recording = recording[:LENGTH] / max(np.abs(recording).max(), 1e-6)
    before = int(start * (LENGTH - len(recording)))
    return np.pad(recording, (before, LENGTH - len(recording) - before))


def vary(recording: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns one second with the recording faster or slower, moved, with noise."""
    times = np.arange(0, len(recording) - 1, generator.uniform(0.8, 1.25))
    changed = np.interp(times, np.arange(len(recording)), recording)
    noise = generator.normal(0, 10 ** generator.uniform(-4, -1.5), LENGTH)
    return place(changed, generator.random()) + noise


def log_mel(waveforms: list[np.ndarray]) -> np.ndarray:
    """Returns the log-mel pictures of waveforms, of shape `(count, 63, 40, 1)`."""
    mel = keras.layers.MelSpectrogram(
        fft_length=256,
        sequence_stride=128,
        sampling_rate=RATE,
        num_mel_bins=40,
        min_freq=60,
        power_to_db=False,
    )(np.stack(waveforms).astype("float32"))
    return np.log(np.swapaxes(mel, 1, 2)[..., np.newaxis] + 1e-3)


if arguments.data:
    file = np.load(arguments.data)
    recordings = np.split(file["audio"].astype("float32"), file["offset"][1:-1])
    digits, held_out = file["digit"].astype("int32"), file["speaker"] == HELD_OUT
else:
    recordings, digits, held_out = make_recordings()
generator = np.random.default_rng(0)
known = generator.permutation(np.flatnonzero(~held_out))[:few]
known, kept, unknown = known[100:], known[:100], np.flatnonzero(held_out)
waveforms = [vary(recordings[i], generator) for _ in range(views) for i in known]
train = log_mel(waveforms), np.tile(digits[known], views)
validation, test = (
    (log_mel([place(recordings[i], 0.5) for i in part]), digits[part])
    for part in (kept, unknown)
)

# %% [markdown]
# ## The models


# %%
def convolve(x: Any, width: int, strides: int = 1, size: int = 3) -> Any:
    """Applies a convolution, batch normalization and ReLU."""
    x = keras.layers.Conv2D(width, size, strides, padding="same", use_bias=False)(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))


def separable(x: Any, width: int, strides: int) -> Any:
    """Applies a convolution point by point after one channel by channel."""
    x = keras.layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))
    return convolve(x, width, size=1)


def classify(inputs: Any, x: Any, name: str) -> keras.Model:
    """Returns the network that ends in the logits of ten digits."""
    x = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, keras.layers.Dense(10)(x), name=name)


def build_teacher() -> keras.Model:
    """Builds a convolutional network."""
    x = inputs = keras.Input((63, 40, 1))
    for width, strides in ((32, 2), (64, 2), (64, 1), (128, 2), (128, 1)):
        x = convolve(x, width, strides)
    return classify(inputs, x, "teacher")


def build_student() -> keras.Model:
    """Builds a depthwise separable network, as for a small device."""
    inputs = keras.Input((63, 40, 1))
    x = convolve(inputs, 24, 2)
    for width, strides in ((48, 2), (64, 1), (64, 1), (96, 2)):
        x = separable(x, width, strides)
    return classify(inputs, x, "student")


path = directory / "teacher.keras"
if path.exists():
    teacher = keras.models.load_model(path)
else:
    keras.utils.set_random_seed(0)
    teacher = build_teacher()
    steps = epochs * math.ceil(len(train[0]) / 32)
    teacher.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    teacher.fit(*train, epochs=epochs, validation_data=validation, verbose=2)
    directory.mkdir(parents=True, exist_ok=True)
    teacher.save(path)

# %% [markdown]
# ## The whole way to the student's file
# A stage that is done stays in the directory, and is not done again.

# %%
keras.utils.set_random_seed(1)
taught = Distillation(cached=True)  # the teacher runs once over the data
pipeline = Pipeline(
    [
        Distil(
            student=build_student(),
            training=Training(epochs=epochs_taught, learning_rate=3e-3),
            distillation=taught,
        ),
        Quantize(
            training=Training(epochs=epochs_quantized, learning_rate=2e-4),
            distillation=taught,
        ),
        Export(target="microcontroller"),
        Evaluate(),
    ]
)
run = directory / "run"
result = pipeline.run(teacher, train, validation, test=test, directory=run)
print(result.comparison)
print(f"Written to {result.artifact.path}")
