import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.measurement import LiteRTModel


@pytest.fixture(scope="module")
def two_inputs(make_file):
    """Inputs and outputs whose alphabetical order is not the model's."""
    wide = keras.Input((4,), batch_size=1, name="zz")
    narrow = keras.Input((2,), batch_size=1, name="aa")
    joined = keras.layers.Concatenate()([wide, narrow])
    total = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="s")
    double = keras.layers.Rescaling(2.0, name="a")
    model = keras.Model([wide, narrow], [total(joined), double(narrow)])
    return make_file(model, "two_inputs")


@pytest.mark.parametrize("name", ["fixed", "four", "free"])
@pytest.mark.parametrize("count", [1, 4, 37])
def test_predicts_any_number_of_samples(dense_files, samples, expected, name, count):
    scores = LiteRTModel(dense_files[name]).predict(samples[:count], batch_size=8)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected[:count], atol=1e-6)


def test_batch_can_change_between_calls(dense_files, samples, expected):
    model = LiteRTModel(dense_files["free"])
    for count in (5, 1, 37, 5):
        scores = model.predict(samples[:count])
        np.testing.assert_allclose(scores, expected[:count], atol=1e-6)
        assert model.invoke_once() > 0


@pytest.mark.parametrize("name", ["int8", "uint8"])
def test_integer_files_take_and_give_real_numbers(dense_files, samples, name):
    stored = LiteRTModel(dense_files[name])
    real = LiteRTModel(dense_files["float_ends"])
    assert stored.input_details["x"].quantized
    assert not real.input_details["x"].quantized
    # The file with float ends quantizes inside LiteRT: an independent reference.
    np.testing.assert_array_equal(stored.predict(samples), real.predict(samples))


def test_details_tell_shape_and_dtype(dense_files):
    free = LiteRTModel(dense_files["free"]).input_details["x"]
    assert (free.shape, free.dtype) == ((None, 2), np.float32)
    fixed = LiteRTModel(dense_files["int8"]).input_details["x"]
    assert (fixed.shape, fixed.dtype) == ((1, 2), np.int8)
    (output,) = LiteRTModel(dense_files["int8"]).output_details.values()
    assert output.shape == (1, 3)


def test_inputs_are_matched_by_name(two_inputs):
    wide = np.arange(8, dtype=np.float32).reshape(2, 4)
    narrow = np.array([[10.0, 20.0], [30.0, 40.0]], np.float32)
    outputs = LiteRTModel(two_inputs).predict({"zz": wide, "aa": narrow})
    by_width = {values.shape[1]: values for values in outputs.values()}
    np.testing.assert_allclose(by_width[1], [[36.0], [92.0]])
    np.testing.assert_allclose(by_width[2], [[20.0, 40.0], [60.0, 80.0]])
    listed = LiteRTModel(two_inputs).predict([narrow, wide])
    for name, values in outputs.items():
        np.testing.assert_array_equal(listed[name], values)


def test_wrong_inputs_are_named(two_inputs):
    model = LiteRTModel(two_inputs)
    with pytest.raises(DataError, match=r"a dict with the inputs .*Received: \['aa'\]"):
        model.predict({"aa": np.ones((1, 2))})
    with pytest.raises(DataError, match="a dict of 2 arrays"):
        model.predict(np.ones((1, 2)))
    with pytest.raises(DataError, match="same number of samples"):
        model.predict({"aa": np.ones((1, 2)), "zz": np.ones((3, 4))})


def test_list_is_refused_where_inputs_could_be_swapped(make_file):
    first, second = (keras.Input((2,), batch_size=1, name=name) for name in "ba")
    model = keras.Model([first, second], keras.layers.Subtract()([first, second]))
    path = make_file(model, "twins")
    ones, twos = np.ones((1, 2), np.float32), np.full((1, 2), 2, np.float32)
    with pytest.raises(DataError, match="have the same shape; pass a dict"):
        LiteRTModel(path).predict([ones, twos])
    scores = LiteRTModel(path).predict({"b": ones, "a": twos})
    np.testing.assert_array_equal(scores, [[-1.0, -1.0]])


@pytest.mark.parametrize("batch_size", [1, 4])
def test_samples_of_a_recurrent_file_do_not_touch_each_other(make_file, batch_size):
    tf_keras.utils.set_random_seed(0)
    inputs = tf_keras.Input((5, 3), batch_size=batch_size)
    model = tf_keras.Model(inputs, tf_keras.layers.LSTM(4)(inputs))
    path = make_file(model, f"lstm{batch_size}")
    x = np.random.default_rng(0).normal(size=(9, 5, 3)).astype(np.float32)
    scores = LiteRTModel(path).predict(x)
    np.testing.assert_allclose(scores[::-1], LiteRTModel(path).predict(x[::-1]))
    padded = np.concatenate([x, x[:3]])
    reference = np.concatenate(
        [
            model(padded[start : start + batch_size]).numpy()
            for start in range(0, 12, batch_size)
        ]
    )
    np.testing.assert_allclose(scores, reference[:9], atol=1e-5)


def test_last_axis_of_one_may_be_left_out(make_file):
    inputs = keras.Input((3, 3, 1), batch_size=1)
    path = make_file(keras.Model(inputs, keras.layers.Flatten()(inputs)), "image")
    x = np.arange(18, dtype=np.float32).reshape(2, 3, 3)
    np.testing.assert_array_equal(LiteRTModel(path).predict(x), x.reshape(2, 9))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((4, 3)), r"shape \(samples, 2\).*Received: .*\(4, 3\)"),
        (np.ones(4), r"shape \(samples, 2\).*Received: .*\(4,\)"),
        (np.ones((0, 2)), r"one sample at least.*Received: .*\(0, 2\)"),
        (np.array([["a", "b"]]), "takes numbers.*Received: .*dtype <U1"),
        (np.array([[1.0, np.nan]]), "finite.*Received: 1 of them"),
    ],
)
def test_data_that_does_not_fit(dense_files, x, message):
    with pytest.raises(DataError, match=message):
        LiteRTModel(dense_files["int8"]).predict(x)


def test_invoke_once_gives_seconds(dense_files, samples):
    for path in dense_files.values():
        model = LiteRTModel(path)
        assert 0 < model.invoke_once() < 1
        assert 0 < model.invoke_once(samples[:1]) < 1


@pytest.mark.parametrize("threads", [0, -1, 1.5, None, True])
def test_threads_must_be_one_or_more(dense_files, threads):
    with pytest.raises(ArgumentError, match=f"Received: threads={threads}"):
        LiteRTModel(dense_files["fixed"], threads=threads)


def test_files_with_tensorflow_operations_are_refused(tmp_path):
    inputs = keras.Input((5, 3))
    model = keras.Model(inputs, keras.layers.LSTM(2)(inputs))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    path = tmp_path / "flex.tflite"
    path.write_bytes(converter.convert())
    with pytest.raises(ModelError, match=r"\(Flex\).*built-in operations only"):
        LiteRTModel(path)


@pytest.fixture(scope="module")
def two_signatures(tmp_path_factory):
    """A file with `double`, which doubles, and `rows`, whose sizes are open."""
    folder = tmp_path_factory.mktemp("signatures")
    module = tf.Module()
    module.factor = tf.Variable(2.0)
    double = tf.function(lambda x: {"y": x * module.factor})
    rows = tf.function(lambda x: {"z": tf.reduce_sum(x, 1) + module.factor})
    signatures = {
        "double": double.get_concrete_function(x=tf.TensorSpec((1, 3))),
        "rows": rows.get_concrete_function(x=tf.TensorSpec((None, None, 2))),
    }
    tf.saved_model.save(module, str(folder / "saved"), signatures=signatures)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved"))
    path = folder / "two.tflite"
    path.write_bytes(converter.convert())
    return path


def test_signatures_are_run_by_name(two_signatures):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    double = LiteRTModel(two_signatures, signature="double")
    assert (double.signature, sorted(double.signatures)) == (
        "double",
        ["double", "rows"],
    )
    np.testing.assert_allclose(double.predict(x), 2 * x)
    assert double.invoke_once(x[:1]) > 0
    rows = LiteRTModel(two_signatures, signature="rows")
    assert rows.input_details["x"].shape == (None, None, 2)
    for length in (4, 2, 4):
        x = np.random.default_rng(0).random((5, length, 2), np.float32)
        np.testing.assert_allclose(rows.predict(x), x.sum(1) + 2, rtol=1e-6)


@pytest.mark.parametrize("signature", [None, "nowhere"])
def test_signature_must_be_one_of_the_file(two_signatures, signature):
    expected = rf"signatures \['double', 'rows'\].*Received: signature={signature!r}"
    with pytest.raises(ArgumentError, match=expected):
        LiteRTModel(two_signatures, signature=signature)


def test_open_sizes_that_are_too_small_are_named(make_file):
    inputs = keras.Input((None, None, 1), batch_size=1, name="image")
    path = make_file(keras.Model(inputs, keras.layers.Conv2D(1, 3)(inputs)), "open")
    model = LiteRTModel(path)
    assert model.predict(np.ones((3, 5, 4, 1))).shape == (3, 3, 2, 1)
    with pytest.raises(ModelError, match=r"larger ones may do.*\(1, 2, 2, 1\)"):
        model.predict(np.ones((1, 2, 2, 1)))
    assert model.predict(np.ones((1, 4, 4, 1))).shape == (1, 2, 2, 1)


def test_rows_of_several_lengths(dense_files):
    with pytest.raises(DataError, match=r"same shape.*Received: .*inhomogeneous"):
        LiteRTModel(dense_files["fixed"]).predict([[1.0, 2.0], [3.0]])


def test_a_single_sample(dense_files):
    with pytest.raises(DataError, match=r"x\[np\.newaxis\].*Received.*\(2,\)"):
        LiteRTModel(dense_files["fixed"]).predict(np.ones(2))


def test_numbers_beyond_a_table(make_file):
    table = keras.layers.Embedding(5, 3)
    model = keras.Sequential([keras.Input((4,), batch_size=1), table])
    with pytest.raises(ModelError, match="shapes and values.*Embedding"):
        LiteRTModel(make_file(model, "table")).predict(np.full((1, 4), 7))


@pytest.mark.parametrize("batch_size", [0, -1, True, 1.5])
def test_batches_must_have_one_sample_or_more(dense_files, samples, batch_size):
    with pytest.raises(ArgumentError, match=f"batch_size={batch_size}"):
        LiteRTModel(dense_files["free"]).predict(samples, batch_size=batch_size)
