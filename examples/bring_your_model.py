# %% [markdown]
"""A Keras 3 model as people have them, made small: nested, with augmentation in front.

The first half of a MobileNetV2 of `keras.applications`, with an augmentation Sequential
and a Rescaling in front of it, is trained with objects of Keras 3. One call makes the
file of it that is as small as asked for.

Run it with `python examples/bring_your_model.py`. With `--data mnist.npz` it takes
images and classes `x_train`, `y_train`, `x_test` and `y_test`, gray or in color, of at
most 32 by 32 points. Without, it takes the handwritten digits of scikit-learn.
"""

# %%
# %pip install --quiet tfcompress

# %%
import argparse
import math
import tempfile
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tfcompress as tfc

# %% [markdown]
# ## Settings
# A notebook has no command line: there, change the list.

# %%
parser = argparse.ArgumentParser(description="Your model, made small.")
parser.add_argument("--data", type=Path, help="an .npz file; without it, small data")
parser.add_argument("--quick", action="store_true", help="a try: figures mean little")
parser.add_argument("--directory", type=Path, help="keeps what is done, to go on there")
arguments = parser.parse_args(["--quick"] if "get_ipython" in globals() else None)
directory = arguments.directory or Path(tempfile.mkdtemp(prefix="tfcompress-yours-"))
epochs, epochs_compressed = (6, 3) if arguments.quick else (12, 6)
max_bytes = 140_000 if arguments.quick else 80_000  # of 266,128

# %% [markdown]
# ## The data

# %%
if arguments.data:
    file = np.load(arguments.data)
    images, images_test = file["x_train"][:4_000], file["x_test"][:1_000]
    y, y_test = file["y_train"][:4_000], file["y_test"][:1_000]
else:
    images, y = load_digits(return_X_y=True)
    images = np.kron(images.reshape(-1, 8, 8), np.ones((1, 4, 4))) * 255 / 16
    images, images_test, y, y_test = train_test_split(
        images, y, test_size=0.25, random_state=0, stratify=y
    )


def make_square(images: np.ndarray) -> np.ndarray:
    """Returns images of 32 by 32 points in three colors, from 0 to 255."""
    images = images.reshape(*images.shape[:3], -1)
    rows, columns = ((0, 32 - size) for size in images.shape[1:3])
    square = np.pad(images, ((0, 0), rows, columns, (0, 0)))
    return np.broadcast_to(square, (len(images), 32, 32, 3)).astype("float32")


x, x_validation, y, y_validation = train_test_split(
    make_square(images), y.astype("int32"), test_size=0.1, random_state=0
)
train, validation = (x, y), (x_validation, y_validation)
test = make_square(images_test), y_test.astype("int32")

# %% [markdown]
# ## What you bring
# A model of Keras 3, with models inside, trained with an optimizer, a schedule and a
# callback of Keras 3. It ends in softmax, as most do.


# %%
def build() -> keras.Model:
    """Builds the classifier."""
    layers = keras.layers
    augmentation = keras.Sequential(
        [layers.RandomTranslation(0.1, 0.1), layers.RandomRotation(0.02)],
        name="augmentation",
    )
    whole = keras.applications.MobileNetV2(
        input_shape=(32, 32, 3), weights=None, include_top=False
    )
    cut = whole.get_layer("block_6_expand_relu").output
    backbone = keras.Model(whole.input, cut, name="backbone")
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.9  # the 0.999 it has wants thousands of steps
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(augmentation(inputs))
    x = layers.GlobalAveragePooling2D()(backbone(x))
    outputs = layers.Dense(10, activation="softmax")(layers.Dropout(0.1)(x))
    return keras.Model(inputs, outputs, name="yours")


path = directory / "trained.keras"
if path.exists():
    model = keras.models.load_model(path)
else:
    keras.utils.set_random_seed(0)
    model = build()
    steps = epochs * math.ceil(len(x) / 32)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-4),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(*train, epochs=epochs, validation_data=validation, verbose=2)
    directory.mkdir(parents=True, exist_ok=True)
    model.save(path)

# %% [markdown]
# ## The file that ships
# One call: it tries ways to make the model smaller, the cheapest first, and stops at
# the first file that has no more than the bytes that are asked for. What is done stays
# in the directory, and is not done again.

# %%
result = tfc.compress(
    model,
    train,
    validation,
    max_bytes=max_bytes,
    directory=directory / "run",
    training=tfc.pipeline.Training(epochs=epochs_compressed),
)
print(result)
print(tfc.report.compare({"brought": model, "shipped": result.artifact}, test))
print(f"Written to {result.artifact.path}")
