import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.distillation.numerical import normal
from tests.models import build_classifier
from tfcompress.distillation.losses import feature_loss
from tfcompress.distillation.losses.attention_transfer import AttentionTransfer
from tfcompress.distillation.losses.channel_wise import ChannelWiseDistillation
from tfcompress.distillation.losses.contrastive import ContrastiveDistillation
from tfcompress.distillation.losses.feature_distillation import FeatureDistillation
from tfcompress.distillation.losses.feature_loss import FeatureLoss
from tfcompress.distillation.losses.neuron_selectivity import NeuronSelectivityTransfer
from tfcompress.distillation.losses.pearson_features import PearsonFeatures
from tfcompress.distillation.losses.probabilistic_transfer import ProbabilisticTransfer
from tfcompress.distillation.losses.relational import RelationalDistillation
from tfcompress.distillation.losses.similarity_preserving import SimilarityPreserving
from tfcompress.errors import ArgumentError, ModelError

PER_SAMPLE = [
    FeatureDistillation,
    AttentionTransfer,
    NeuronSelectivityTransfer,
    ChannelWiseDistillation,
    PearsonFeatures,
    ContrastiveDistillation,
]
PER_BATCH = [RelationalDistillation, ProbabilisticTransfer, SimilarityPreserving]
LOSSES = PER_SAMPLE + PER_BATCH


class Difference(FeatureLoss):
    """Sums of differences, so that gradients are plain to see."""

    def compare(self, teacher, student):
        return tf.reduce_sum(student - teacher, -1)


def build(kind, library=keras, **names):
    loss = kind(**names)
    loss.build((None, 4, 4, 6), (None, 4, 4, 3), library)
    return loss


@pytest.mark.parametrize("kind", LOSSES)
def test_names_are_kept(kind):
    names = {"teacher_layer_name": "conv2", "student_layer_name": "conv1"}
    loss = kind(**names)
    assert (loss.teacher_layers, loss.student_layers) == (("conv2",), ("conv1",))
    config = loss.get_config()
    assert {key: config[key] for key in names} == names
    assert kind.from_config(config).get_config() == config


@pytest.mark.parametrize("kind", LOSSES)
def test_several_names_are_kept(kind):
    loss = kind(teacher_layer_name=("a", "b:1"), student_layer_name=["c", "d"])
    assert (loss.teacher_layers, loss.student_layers) == (("a", "b:1"), ("c", "d"))
    config = loss.get_config()
    assert config["teacher_layer_name"] == ["a", "b:1"]
    assert kind.from_config(config).get_config() == config


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize(
    "names",
    [
        {"teacher_layer_name": "conv"},
        {"student_layer_name": "conv"},
        {"teacher_layer_name": ["a", "b"], "student_layer_name": "c"},
    ],
)
def test_one_name_alone_is_refused(kind, names):
    with pytest.raises(ArgumentError, match=r"give both, or neither .* Received: tea"):
        kind(**names)


@pytest.mark.parametrize("name", ["", [], [""], [3], ()])
def test_bad_names_are_refused(name):
    with pytest.raises(ArgumentError, match="Received: teacher_layer_name="):
        Difference(name, "a")


def test_bad_regressor_is_refused():
    with pytest.raises(ArgumentError, match="Received: regressor='dense'"):
        Difference(regressor="dense")


@pytest.mark.parametrize("kind", LOSSES)
def test_shape_of_the_result_and_precision(kind, either_keras):
    loss = build(kind, either_keras)
    t, s = normal(2, 4, 4, 6), normal(2, 4, 4, 3, seed=1)
    value = loss.compute_loss(np.float16(t), np.float16(s), labels=None)
    assert value.dtype == tf.float32
    assert value.shape == ((2,) if kind in PER_SAMPLE else ())
    exact = loss.compute_loss(np.float16(t).astype("f4"), np.float16(s).astype("f4"))
    np.testing.assert_array_equal(value, exact)
    bfloat = loss.compute_loss(tf.cast(t, tf.bfloat16), tf.cast(s, tf.bfloat16))
    assert bfloat.dtype == tf.float32


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("kind", LOSSES)
def test_graphs_with_sizes_that_are_not_known(kind, jit_compile):
    loss = kind()
    loss.build((None, None, None, 6), (None, None, None, 3), keras)

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None, 6)),
            tf.TensorSpec((None, None, None, 3)),
        ],
        jit_compile=jit_compile,
    )
    def run(t, s):
        return loss.compute_loss(t, s)

    for samples in (2, 1):
        t, s = normal(samples, 4, 4, 6), normal(samples, 4, 4, 3, seed=1)
        t, s = np.float32(t), np.float32(s)
        expected = loss.compute_loss(t, s)
        np.testing.assert_allclose(run(t, s), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", LOSSES)
def test_gradients_go_to_the_student_alone(kind):
    loss = build(kind)
    t, s = (tf.Variable(normal(2, 4, 4, c), dtype=tf.float32) for c in (6, 3))
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(loss.compute_loss(t, s))
    to_teacher, to_student = tape.gradient(value, [t, s])
    assert to_teacher is None
    assert np.abs(to_student).max() > 0


@pytest.mark.parametrize("kind", LOSSES)
def test_final_outputs_of_any_structure_are_compared(kind):
    t = {"a": normal(2, 4, 4, 6), "b": normal(2, 4, 4, 6, seed=1)}
    s = {"a": normal(2, 4, 4, 6, seed=2), "b": normal(2, 4, 4, 6, seed=3)}
    loss = kind()
    shapes = {key: (None, 4, 4, 6) for key in t}
    loss.build(shapes, shapes, keras)
    parts = []
    for index, key in enumerate("ab"):
        part = kind()
        part.build(shapes[key], shapes[key], keras)
        count = len(part.regressors)
        same = loss.regressors[index * count : (index + 1) * count]
        for regressor, other in zip(part.regressors, same, strict=True):
            regressor.set_weights(other.get_weights())
        parts.append(part.compute_loss(t[key], s[key]))
    np.testing.assert_allclose(loss.compute_loss(t, s), parts[0] + parts[1], rtol=1e-5)


def test_features_and_names_must_be_as_many():
    loss = Difference(["a", "b"], ["c", "d"])
    with pytest.raises(ModelError, match="1 of the teacher and 1 of the student"):
        loss.compute_loss(tf.ones((2, 3)), tf.ones((2, 3)))
    with pytest.raises(ModelError, match="2 of the teacher and 1 of the student"):
        Difference().build([(None, 3), (None, 3)], [(None, 3)], keras)


def test_regressors_are_made_where_they_are_asked_for(either_keras):
    teacher, student = [(None, 6), (None, 3)], [(None, 3), (None, 3)]
    names = (["t1", "t2"], ["s1:1", "s/2"])
    made = {}
    for regressor in ("auto", "always"):
        loss = Difference(*names, regressor=regressor)
        loss.build(teacher, student, either_keras)
        made[regressor] = [layer.name for layer in loss.regressors]
    assert made["auto"] == ["s1_1_to_t1_regressor"]
    assert made["always"] == ["s1_1_to_t1_regressor", "s_2_to_t2_regressor"]
    with pytest.raises(ModelError, match=r"Received: s1_1_to_t1 .*\(None, 6\)"):
        Difference(*names).build(teacher, student, either_keras)


def test_regressor_is_applied_and_trained(either_keras):
    loss = Difference(regressor="auto")
    loss.build((None, 2), (None, 3), either_keras)
    (regressor,) = loss.regressors
    assert regressor.name == "output_0_regressor"
    kernel, bias = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0])
    regressor.set_weights([kernel, bias])
    s = np.array([[1.0, 2.0, 3.0]])
    with tf.GradientTape() as tape:
        value = loss.compute_loss(tf.zeros((1, 2)), s)
    # s · kernel = (16, 22), and so 17 + 24 in all; each weight counts its input.
    np.testing.assert_allclose(value, [41.0])
    to_kernel, to_bias = tape.gradient(value, regressor.trainable_variables)
    np.testing.assert_allclose(to_kernel, np.repeat(s.T, 2, axis=1))
    np.testing.assert_allclose(to_bias, [1.0, 1.0])


def test_building_again_makes_new_regressors():
    loss = Difference(regressor="auto")
    loss.build((None, 2), (None, 3), keras)
    loss.build((None, 3), (None, 3), keras)
    assert loss.regressors == []
    np.testing.assert_allclose(loss.compute_loss(tf.ones((1, 3)), tf.ones((1, 3))), [0])


def test_layers_that_a_model_lacks_are_named(either_keras):
    model = build_classifier(either_keras)
    loss = Difference("conv1", "conv2")
    loss.validate_model_compatibility(model, model)
    loss.validate_model_compatibility(None, model)
    Difference().validate_model_compatibility(model, model)
    with pytest.raises(ModelError, match="student has no layer 'conv3'.*conv2"):
        Difference("conv1", "conv3").validate_model_compatibility(model, model)
    with pytest.raises(ModelError, match="teacher has no layer 'relu9'.*relu"):
        Difference("relu9", "conv2").validate_model_compatibility(model, model)


def test_layers_inside_a_nested_model_are_not_reached(either_keras):
    inner = build_classifier(either_keras, name="inner")
    inputs = either_keras.layers.Input((8, 8, 1))
    outputs = either_keras.layers.Dense(3, name="head")(inner(inputs))
    model = either_keras.Model(inputs, outputs)
    Difference("inner", "inner").validate_model_compatibility(model, model)
    with pytest.raises(ModelError, match="inside a nested model"):
        Difference("inner", "conv1").validate_model_compatibility(model, model)


def test_shapes_are_found_in_any_structure():
    structure = {"b": [(None, 2), [4, 5]], "a": tf.TensorShape((None, 3))}
    expected = [(None, 3), (None, 2), (4, 5)]
    assert feature_loss.flatten_shapes(structure) == expected
    assert feature_loss.flatten_shapes((None, 7)) == [(None, 7)]


def test_equality_of_shapes_where_they_are_known():
    assert feature_loss.are_equal((None, None, 3), (4, 5, 3))
    assert not feature_loss.are_equal((None, 5, 3), (None, 5, 4))
    assert not feature_loss.are_equal((None, 5), (None, 5, 4))
