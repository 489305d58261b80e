"""Spoken digits of an unheard speaker: 5,000 weights learn from 280,000.

Run it with `python examples/distil_speech.py --data fsdd.npz`, where the file holds
recordings at 8 kHz: `audio`, all of them joined, recording i is `offset[i]` to
`offset[i + 1]`, and its `digit` and `speaker`. One speaker is held out to test on.
Without `--data` it takes the tones of a telephone's keys, in noise.

Both networks take the waveform, and compute its log-mel picture themselves.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from distillation_comparison import METHODS, Task, compare, parse_arguments

HELD_OUT = "theo"
RATE = 8_000
LENGTH = RATE  # one second
VIEWS = 3


def read_recordings(path: Path) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Returns recordings, their digits, and which are of the held-out speaker."""
    file = np.load(path)
    recordings = np.split(file["audio"].astype("float32"), file["offset"][1:-1])
    return recordings, file["digit"].astype("int32"), file["speaker"] == HELD_OUT


def make_recordings() -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Returns telephone keys in noise, their digits, and every fourth to test on."""
    generator = np.random.default_rng(0)
    digits = np.arange(800, dtype="int32") % 10
    low = np.array([941, 697, 697, 697, 770, 770, 770, 852, 852, 852])[digits]
    high = np.array([1336, 1209, 1336, 1477, 1209, 1336, 1477, 1209, 1336, 1477])[
        digits
    ]
    recordings = []
    for pair in zip(low, high, strict=True):
        time = np.arange(generator.integers(1_000, LENGTH)) / RATE
        tones = sum(np.sin(2 * np.pi * tone * time) for tone in pair)
        noise = generator.normal(0, 0.5, len(time))
        recordings.append((tones + noise).astype("float32"))
    return recordings, digits, generator.random(len(digits)) < 0.25


def place(recording: np.ndarray, start: float) -> np.ndarray:
    """Returns one second with the recording in it, as loud as any other."""
    recording = recording[:LENGTH] / max(np.abs(recording).max(), 1e-6)
    before = int(start * (LENGTH - len(recording)))
    return np.pad(recording, (before, LENGTH - len(recording) - before))


def draw_views(
    recordings: list[np.ndarray], digits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns each recording in several views: faster or slower, moved, with noise."""
    generator = np.random.default_rng(0)
    views = []
    for recording in recordings * VIEWS:
        speed = generator.uniform(0.8, 1.25)
        times = np.arange(0, len(recording) - 1, speed)
        changed = np.interp(times, np.arange(len(recording)), recording)
        view = place(changed.astype("float32"), generator.random())
        noise = generator.normal(0, 10 ** generator.uniform(-4, -1.5), LENGTH)
        views.append((view + noise).astype("float32"))
    return np.stack(views), np.tile(digits, VIEWS)


def log_mel(waveform: Any) -> Any:
    """Returns the log-mel picture of a waveform, of shape `(batch, 62, 40, 1)`."""
    mel = keras.layers.MelSpectrogram(
        fft_length=256,
        sequence_stride=128,
        sampling_rate=RATE,
        num_mel_bins=40,
        min_freq=60,
        max_freq=RATE / 2,
        power_to_db=False,
    )(waveform)
    picture = keras.ops.log(keras.ops.transpose(mel, (0, 2, 1)) + 1e-3)
    return keras.ops.expand_dims(picture, -1)


def convolution(x: Any, width: int, strides: int) -> Any:
    """Applies a 3 by 3 convolution."""
    x = keras.layers.Conv2D(width, 3, strides, padding="same", use_bias=False)(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))


def separable(x: Any, width: int, strides: int) -> Any:
    """Applies a convolution point by point after one channel by channel."""
    layers = keras.layers
    x = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Conv2D(width, 1, use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


def classifier(inputs: Any, x: Any, name: str) -> keras.Model:
    """Returns the network that ends in the logits of ten digits."""
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    x = keras.layers.Dropout(0.2)(x)
    return keras.Model(inputs, keras.layers.Dense(10)(x), name=name)


def build_teacher() -> keras.Model:
    """Builds a convolutional network."""
    inputs = keras.Input((LENGTH,))
    x = log_mel(inputs)
    for width, strides in ((32, 2), (64, 2), (64, 1), (128, 2), (128, 1)):
        x = convolution(x, width, strides)
    return classifier(inputs, x, "teacher")


def build_student() -> keras.Model:
    """Builds a depthwise separable network, as for a small device."""
    inputs = keras.Input((LENGTH,))
    x = convolution(log_mel(inputs), 16, 2)
    for width, strides in ((24, 2), (32, 1), (48, 2)):
        x = separable(x, width, strides)
    return classifier(inputs, x, "student")


arguments = parse_arguments(__doc__.split("\n\n")[0])
if arguments.data:
    recordings, digits, held_out = read_recordings(arguments.data)
else:
    recordings, digits, held_out = make_recordings()
known, unknown = np.flatnonzero(~held_out), np.flatnonzero(held_out)
if arguments.quick:
    known, unknown = known[:: len(known) // 500 or 1], unknown[::2]
train = draw_views([recordings[i] for i in known], digits[known])
test = np.stack([place(recordings[i], 0.5) for i in unknown]), digits[unknown]
compare(
    Task(
        name="speech",
        train=train,
        test=test,
        build_teacher=build_teacher,
        build_student=build_student,
        methods=METHODS,
        teacher_epochs=4 if arguments.quick else 8,
        student_epochs=4 if arguments.quick else 10,
        learning_rate=3e-3,
    ),
    arguments,
)
