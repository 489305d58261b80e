"""A Keras 3 model as people have them, made small: nested, with augmentation in front.

A MobileNetV2 of `keras.applications`, with an augmentation Sequential and a Rescaling
in front of it, is pruned, trained with quantization and exported, all with a Keras 3
optimizer, learning-rate schedule and callback. Run it with
`python examples/bring_your_model.py`; it takes about four minutes on two cores, about
two with `--quick`, and needs no network. It writes `bring_your_model.tflite` into a
folder of its own under the temporary directory, and prints where.
"""

import argparse
import math
import tempfile
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tfcompress as tfc


def build() -> keras.Model:
    """Builds the classifier; it ends in logits."""
    layers = keras.layers
    augmentation = keras.Sequential(
        [layers.RandomFlip("horizontal"), layers.RandomTranslation(0.1, 0.1)],
        name="augmentation",
    )
    backbone = keras.applications.MobileNetV2(
        input_shape=(32, 32, 3),
        alpha=0.35,
        weights=None,
        classes=10,
        classifier_activation=None,
    )
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.9  # the 0.999 it has wants thousands of steps
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 8, offset=-1)(augmentation(inputs))
    return keras.Model(inputs, backbone(x), name="digits")


def compile_model(model: keras.Model, learning_rate: float, epochs: int) -> None:
    """Compiles with objects of Keras 3, whichever Keras the model is of."""
    steps = epochs * math.ceil(len(x) / BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-4),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


BATCH = 32
arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
arguments.add_argument("--quick", action="store_true", help="train for a minute only")
epochs, epochs_pruning, epochs_quantized = (30, 12, 5)
if arguments.parse_args().quick:
    epochs, epochs_pruning, epochs_quantized = (8, 6, 2)

# Handwritten digits, 8 by 8, each point repeated to a square of 4 by 4 in 3 colors.
keras.utils.set_random_seed(0)
digits, labels = load_digits(return_X_y=True)
images = np.kron(digits.reshape(-1, 8, 8, 1), np.ones((1, 4, 4, 3))).astype("float32")
x, x_test, y, y_test = train_test_split(
    images, labels, test_size=0.3, random_state=0, stratify=labels
)
test = (x_test, y_test)

# What you bring: a trained model of Keras 3.
model = build()
compile_model(model, 3e-3, epochs)
model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=2)

# Half of its weights become zero. The callback of Keras 3 may stop the training only
# when they all are: when the first half of it is over.
pruning = tfc.pruning.MagnitudePruning(sparsity=0.5)
pruned = pruning.apply(model)
compile_model(pruned, 1e-3, epochs_pruning)
patience = keras.callbacks.EarlyStopping(
    "val_loss", patience=3, start_from_epoch=epochs_pruning // 2
)
pruned.fit(
    x,
    y,
    batch_size=BATCH,
    epochs=epochs_pruning,
    validation_split=0.1,
    callbacks=[*pruning.callbacks(), patience],
    verbose=2,
)
small = pruning.finalize(pruned)

# It trains with the rounding that it will ship with, and its zeros stay.
aware = tfc.quantization.QuantizationAwareTraining(preserve=("sparsity",))
quantized = tfc.quantization.calibrate(aware.apply(small), x)
compile_model(quantized, 1e-4, epochs_quantized)
best = keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
quantized.fit(
    x,
    y,
    batch_size=BATCH,
    epochs=epochs_quantized,
    validation_split=0.1,
    callbacks=[best],
    verbose=2,
)

# The file that ships, and how it compares.
folder = Path(tempfile.mkdtemp(prefix="tfcompress-bring-your-model-"))
artifact = tfc.export.to_tflite(
    quantized,
    folder / "bring_your_model.tflite",
    target="cpu_int8",
    representative_data=x,
)
models = {"brought": model, "pruned": small, "shipped": artifact}
print(tfc.report.compare(models, test))
print(f"Written to {artifact.path}")
