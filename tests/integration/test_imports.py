"""What importing and using tfcompress does to the process."""

import subprocess
import sys

import pytest


def run(code, **environment):
    import os

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_importing_loads_neither_tensorflow_nor_keras():
    run(
        "import sys, tfcompress\n"
        "dir(tfcompress)\n"
        "tfcompress.Technique, tfcompress.errors, tfcompress.schedules\n"
        "heavy = {'tensorflow', 'keras', 'tf_keras', 'sklearn', 'matplotlib',\n"
        "         'tensorflow_model_optimization', 'ai_edge_litert'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )


def test_unknown_names_are_attribute_errors():
    run(
        "import tfcompress\n"
        "try:\n    tfcompress.nothing\n"
        "except AttributeError as error: assert 'nothing' in str(error)\n"
        "else: raise AssertionError\n"
    )


USE = """
import os
before = dict(os.environ)
{first}
import numpy as np
import keras
import tfcompress as tfc
{second}

def model(module):
    inputs = module.layers.Input((4,))
    return module.Model(inputs, module.layers.Dense(3)(inputs))

import tf_keras
x, y = np.random.rand(16, 4).astype('float32'), np.arange(16) % 3
for module in (keras, tf_keras):
    pruning = tfc.pruning.MagnitudePruning(0.5)
    distiller = tfc.Distiller(
        model(keras),
        pruning.apply(model(module)),
        tfc.distillation.LogitsDistillation(),
    )
    distiller.compile(
        'adam', loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    distiller.fit(x, y, verbose=0, callbacks=pruning.callbacks())
    small = pruning.finalize(distiller.student)
    aware = tfc.quantization.QuantizationAwareTraining().apply(small)
    tfc.quantization.calibrate(aware, x)
assert dict(os.environ) == before, set(os.environ.items()) ^ set(before.items())
import tensorflow as tf
print("2" if tf.keras.Model is tf_keras.Model else "3")
"""


@pytest.mark.parametrize("legacy", ["", "1"])
@pytest.mark.parametrize("order", ["tf.keras first", "tfcompress first"])
def test_environment_and_tf_keras_stay_the_users_own(legacy, order):
    touch = "import tensorflow as tf; tf.keras.layers.Dense"
    lines = {"first": "", "second": ""}
    lines["first" if order == "tf.keras first" else "second"] = touch
    environment = {"TF_USE_LEGACY_KERAS": legacy} if legacy else {}
    version = run(USE.format(**lines), **environment).strip().splitlines()[-1]
    assert version == ("2" if legacy else "3")
