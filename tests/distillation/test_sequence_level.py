import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcompress.distillation.sequence_level import decode_targets
from tfcompress.errors import ArgumentError, DataError, OutputError

# Tokens: 0 pads, 1 starts, 2 ends, 3 and 4 are words.
PAD, START, END = 0, 1, 2
# After 3 comes 4, after 4 the end; what comes after the start, the source says.
NEXT = {START: None, 3: 4, 4: END, END: END, PAD: PAD}


def build_decoder(library):
    """A decoder whose logits of the next token are those of the last, plus a source's.

    The source, 3 or 4, is one-hot; its logits count after the start alone, for the
    other tokens outweigh them.
    """
    source = library.layers.Input((1,), dtype="int32")
    last = library.layers.Input((1,), dtype="int32")
    table = np.zeros((5, 5), np.float32)
    for token, following in NEXT.items():
        if following is not None:
            table[token, following] = 80.0
    of_last = library.layers.Embedding(5, 5, name="of_last")
    of_source = library.layers.Embedding(5, 5, name="of_source")
    outputs = library.layers.Add()([of_last(last), of_source(source)])
    model = library.Model([source, last], outputs)
    of_last.set_weights([table])
    of_source.set_weights([np.eye(5, dtype=np.float32)])
    return model


def decode_greedily(teacher, x):
    tokens = np.full((len(x), 1), START, np.int32)
    while len(tokens[0]) < 4:
        logits = np.asarray(teacher([x, tokens[:, -1:]]))[:, -1]
        tokens = np.concatenate([tokens, logits.argmax(-1)[:, None]], axis=1)
    return [row[: list(row).index(END) + 1] for row in tokens]


# The source is the first word; greedy decoding worked out by hand with NEXT.
SOURCES = np.array([[3], [4], [4], [3], [4]], np.int32)
DECODED = np.array(
    [[1, 3, 4, 2], [1, 4, 2, 0], [1, 4, 2, 0], [1, 3, 4, 2], [1, 4, 2, 0]]
)
GOLD = np.array([[1, 4, 4, 4, 2]] * 5)


@pytest.fixture(scope="module")
def decoder(either_keras):
    return build_decoder(either_keras)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 32])
def test_greedy_decoding_worked_out_by_hand(decoder, batch_size):
    x, targets = decode_targets(
        decoder, SOURCES, decode_greedily, batch_size=batch_size
    )
    np.testing.assert_array_equal(x, SOURCES)
    np.testing.assert_array_equal(targets, DECODED)
    assert targets.dtype == np.int32


def test_inputs_stay_with_their_targets_in_a_shuffled_data_set(decoder):
    dataset = tf.data.Dataset.from_tensor_slices(SOURCES).shuffle(5).batch(2)
    x, targets = decode_targets(decoder, dataset, decode_greedily, padding=9)
    for source, target in zip(x[:, 0], targets, strict=True):
        assert list(target) == {3: [1, 3, 4, 2], 4: [1, 4, 2, 9]}[source]


@pytest.mark.parametrize("form", ["array", "ragged", "tensor", "lists"])
def test_what_decode_may_return(form):
    def decode(teacher, x):
        rows = [[5, 6]] * len(x)
        return {
            "array": np.array(rows, np.int64),
            "tensor": tf.constant(rows),
            "ragged": tf.ragged.constant([[5], *rows[1:]]),
            "lists": [[], *rows[1:]],
        }[form]

    _, targets = decode_targets(None, np.zeros((2, 3)), decode)
    first = {"ragged": [5, 0], "lists": [0, 0]}.get(form, [5, 6])
    np.testing.assert_array_equal(targets, [first, [5, 6]])


def test_dicts_of_inputs():
    inputs = {"a": np.arange(3), "b": np.ones((3, 2))}
    x, targets = decode_targets(
        None, inputs, lambda teacher, x: x["a"][:, None], batch_size=2
    )
    np.testing.assert_array_equal(x["a"], inputs["a"])
    np.testing.assert_array_equal(x["b"], inputs["b"])
    np.testing.assert_array_equal(targets, [[0], [1], [2]])


def test_mixing_keeps_a_share_of_the_true_sequences(decoder):
    def decode(mix, seed=0):
        return decode_targets(
            decoder, (SOURCES, GOLD), decode_greedily, mix=mix, seed=seed
        )[1]

    np.testing.assert_array_equal(decode(0.0), DECODED)
    np.testing.assert_array_equal(decode(1.0), GOLD)
    mixed = decode(0.4)
    true = (mixed == GOLD).all(-1)
    assert true.sum() == 2
    np.testing.assert_array_equal(mixed[~true][:, :4], DECODED[~true])
    np.testing.assert_array_equal(decode(0.4), mixed)
    assert any(((decode(0.4, seed) == GOLD).all(-1) != true).any() for seed in (1, 2))


def test_goes_on_where_it_was_killed(decoder, tmp_path):
    calls = []

    def decode(teacher, x):
        calls.append(len(x))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return decode_greedily(teacher, x)

    arguments = {"batch_size": 2, "directory": tmp_path / "decoded"}
    with pytest.raises(KeyboardInterrupt):
        decode_targets(decoder, SOURCES, decode, **arguments)
    _, targets = decode_targets(decoder, SOURCES, decode, **arguments)
    assert calls == [2, 2, 2, 1]
    np.testing.assert_array_equal(targets, DECODED)
    _, targets = decode_targets(decoder, SOURCES, decode, **arguments)
    assert len(calls) == 4
    np.testing.assert_array_equal(targets, DECODED)
    with pytest.raises(DataError, match="same order"):
        decode_targets(decoder, SOURCES[::-1], decode, **arguments)
    with pytest.raises(OutputError, match="differs in batch_size"):
        decode_targets(decoder, SOURCES, decode, **{**arguments, "batch_size": 3})
    with pytest.raises(OutputError, match="differs in decode"):
        decode_targets(decoder, SOURCES, decode_greedily, **arguments)
    other = build_decoder(keras)
    other.set_weights([w + 1 for w in other.get_weights()])
    with pytest.raises(OutputError, match="differs in teacher"):
        decode_targets(other, SOURCES, decode, **arguments)


def test_a_student_learns_the_teachers_sentences(decoder, either_keras):
    sources = np.tile(SOURCES, (20, 1))
    x, targets = decode_targets(
        decoder, (sources, np.tile(GOLD, (20, 1))), decode_greedily
    )
    layers = either_keras.layers
    either_keras.utils.set_random_seed(1)
    inputs = layers.Input((1,), dtype="int32")
    hidden = layers.Flatten()(layers.Embedding(5, 8)(inputs))
    outputs = layers.Reshape((3, 5))(layers.Dense(15)(hidden))
    student = either_keras.Model(inputs, outputs)
    student.compile(
        either_keras.optimizers.Adam(0.05),
        loss=either_keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    student.fit(x, targets[:, 1:], epochs=15, verbose=0)
    said = np.asarray(student(SOURCES)).argmax(-1)
    np.testing.assert_array_equal(said, DECODED[:, 1:])


# Bad input.


def test_what_decode_must_not_return():
    def run(decoded):
        decode_targets(None, np.zeros((2, 3)), lambda teacher, x: decoded)

    with pytest.raises(DataError, match="3 sequences for 2 samples"):
        run(np.zeros((3, 4), np.int32))
    with pytest.raises(DataError, match="whole numbers.*float64"):
        run(np.zeros((2, 4)))
    with pytest.raises(DataError, match=r"one axis.*\(4, 5\)"):
        run(np.zeros((2, 4, 5), np.int32))


def test_bad_arguments():
    def run(decode=decode_greedily, inputs=SOURCES, **arguments):
        decode_targets(None, inputs, decode, **arguments)

    with pytest.raises(ArgumentError, match="decode='greedy'"):
        run("greedy")
    with pytest.raises(ArgumentError, match="batch_size=0"):
        run(batch_size=0)
    with pytest.raises(ArgumentError, match="padding=None"):
        run(padding=None)
    with pytest.raises(ArgumentError, match="mix=1.5"):
        run(mix=1.5)
    with pytest.raises(DataError, match="no labels"):
        run(lambda teacher, x: x, mix=0.5)
    with pytest.raises(DataError, match=r"one shape.*\[\(3,\), \(4,\)\]"):
        run(
            lambda teacher, x: np.zeros((2, 1), np.int32),
            lambda: [np.zeros((2, 3)), np.zeros((2, 4))],
        )
    with pytest.raises(DataError, match="empty"):
        run(inputs=SOURCES[:0])
