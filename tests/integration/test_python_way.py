"""The example of the README and the design, on models of either Keras."""

import keras
import numpy as np
import tensorflow as tf

import tfcompress as tfc
from tests.models import build_classifier


def test_distil_prune_export_compare(either_keras, teacher, digits, tmp_path):
    (x, y), test = digits
    train = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(600).batch(32)
    validation = tf.data.Dataset.from_tensor_slices(test).batch(32)
    either_keras.utils.set_random_seed(0)
    student = build_classifier(either_keras, name="student")

    pruning = tfc.pruning.MagnitudePruning(sparsity=0.8)
    distiller = tfc.Distiller(
        teacher,
        pruning.apply(student),
        tfc.distillation.LogitsDistillation(temperature=4),
    )
    distiller.compile(
        keras.optimizers.Adam(3e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = distiller.fit(
        train,
        validation_data=validation,
        epochs=20,
        verbose=0,
        callbacks=pruning.callbacks(),
    )
    small = pruning.finalize(distiller.student)
    artifact = tfc.export.to_tflite(
        small, tmp_path / "small.tflite", target="cpu_int8", representative_data=train
    )
    comparison = tfc.report.compare({"teacher": teacher, "shipped": artifact}, test)

    assert isinstance(small, either_keras.Model)
    assert history.history["val_accuracy"][-1] > 0.8
    rows = {row.name: row for row in comparison.rows}
    assert rows["shipped"].accuracy > 0.8
    assert rows["shipped"].bytes < rows["teacher"].bytes / 5
    assert abs(rows["shipped"].sparsity - 0.8) < 0.01
    small_accuracy = (np.asarray(small(test[0])).argmax(-1) == test[1]).mean()
    assert abs(rows["shipped"].accuracy - small_accuracy) < 0.03


def test_a_teacher_of_tf_keras_teaches_a_keras_3_student(digits):
    from tfcompress import keras_compat

    teacher = build_classifier(keras_compat.tf_keras(), name="teacher")
    student = build_classifier(keras, name="student")
    distiller = tfc.Distiller(teacher, student, tfc.distillation.LogitsDistillation())
    distiller.compile(
        "adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    losses = distiller.fit(*digits[0], epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]
