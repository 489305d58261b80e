from tfcompress.export.census import Operation, count_operations, float_operations

OPERATIONS = (
    Operation("QUANTIZE", "int8", "a"),
    Operation("CONV_2D", "int8", "b"),
    Operation("CONV_2D", "int8", "c"),
    Operation("ELU", "float32", "d"),
    Operation("DEQUANTIZE", "float32", "e"),
    Operation("READ_VARIABLE", "float32", "f"),
)


def test_count():
    assert count_operations(OPERATIONS) == {
        "CONV_2D int8": 2,
        "DEQUANTIZE float32": 1,
        "ELU float32": 1,
        "QUANTIZE int8": 1,
        "READ_VARIABLE float32": 1,
    }


def test_doors_and_states_do_not_count_as_float():
    assert [operation.kind for operation in float_operations(OPERATIONS)] == ["ELU"]
