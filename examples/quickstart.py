"""From a trained Keras model to a small `.tflite` file, with the proof beside it.

Run it with `python examples/quickstart.py`; it takes about half a minute on two cores
and needs no network. It writes `quickstart.tflite` and `quickstart.html` into a folder
of its own under the temporary directory, and prints where.
"""

import tempfile
from pathlib import Path

import keras
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tfcompress as tfc


def build(width: int, name: str) -> keras.Model:
    """Builds a small convolutional classifier that ends in logits."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(width, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(2 * width, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10),
        ],
        name=name,
    )


# A trained model and its data: what you bring.
keras.utils.set_random_seed(0)
x, y = load_digits(return_X_y=True)
x = (x.reshape(-1, 8, 8, 1) / 16).astype("float32")
x, x_test, y, y_test = train_test_split(x, y, test_size=0.3, random_state=0)
train = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(32)
test = tf.data.Dataset.from_tensor_slices((x_test, y_test)).batch(256)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
teacher = build(48, "teacher")
teacher.compile("adam", loss=loss, metrics=["accuracy"])
teacher.fit(train, epochs=15, verbose=2)

# A small student learns from it, while four in five of its weights become zero.
student = build(8, "student")
pruning = tfc.pruning.MagnitudePruning(sparsity=0.8)
distiller = tfc.Distiller(
    teacher,
    pruning.apply(student),
    tfc.distillation.LogitsDistillation(temperature=4),
)
distiller.compile(keras.optimizers.Adam(3e-3), loss=loss, metrics=["accuracy"])
distiller.fit(train, epochs=30, callbacks=pruning.callbacks(), verbose=2)
small = pruning.finalize(distiller.student)

# The file that ships, and how it compares.
folder = Path(tempfile.mkdtemp(prefix="tfcompress-quickstart-"))
artifact = tfc.export.to_tflite(
    small,
    folder / "quickstart.tflite",
    target="cpu_int8",
    representative_data=train,
)
comparison = tfc.report.compare({"teacher": teacher, "shipped": artifact}, test)
comparison.to_html(folder / "quickstart.html")
print(comparison)
print(f"Written to {folder}")
