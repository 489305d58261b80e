import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema

import tfcompress as tfc
from tfcompress.errors import ArgumentError
from tfcompress.export import OperationRule, Target, find_target, read_target
from tfcompress.export.targets import finding

_NAMES = {
    "cpu_float16",
    "cpu_float32",
    "cpu_int16x8",
    "cpu_int8",
    "cpu_int8_float_io",
    "cpu_sparse",
    "edgetpu",
    "gpu",
    "microcontroller",
    "npu_int16",
    "npu_int8",
}
_MINIMUM = """
name = "mine"
description = "a board of ours"
weights = "int8"
activations = "int8"
inputs_and_outputs = "uint8"
"""


def _write(folder, text):
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_a_target_is_found_by_its_file(tmp_path):
    path = _write(tmp_path, _MINIMUM)
    assert find_target(path) == find_target(str(path)) == read_target(path)
    other = _write(
        tmp_path, _MINIMUM.replace('weights = "int8"', 'weights = "float32"')
    )
    with pytest.raises(ArgumentError, match="types of weights and activations"):
        find_target(other)


def test_each_profile_is_a_file_of_its_name():
    folder = Path(finding.__file__).parent
    assert {path.stem for path in folder.glob("*.toml")} == _NAMES
    assert set(tfc.export.TARGETS) == _NAMES
    for name, target in tfc.export.TARGETS.items():
        assert target.name == name
        assert read_target(folder / f"{name}.toml") == target


@pytest.mark.parametrize(
    ("name", "types", "door"),
    [
        ("cpu_float32", ("float32", "float32"), "float32"),
        ("cpu_float16", ("float16", "float32"), "float32"),
        ("cpu_sparse", ("float32", "float32"), "float32"),
        ("gpu", ("float16", "float32"), "float32"),
        ("cpu_int8", ("int8", "int8"), "int8"),
        ("cpu_int8_float_io", ("int8", "int8"), "float32"),
        ("edgetpu", ("int8", "int8"), "uint8"),
        ("microcontroller", ("int8", "int8"), "int8"),
        ("npu_int8", ("int8", "int8"), "int8"),
        ("cpu_int16x8", ("int8", "int16"), "float32"),
        ("npu_int16", ("int8", "int16"), "int16"),
    ],
)
def test_types_of_each_profile(name, types, door):
    target = find_target(name)
    assert (target.weights, target.activations) == types
    assert target.inputs_and_outputs == door
    assert target.full_integer == (types[1] != "float32")


@pytest.mark.parametrize("name", ["edgetpu", "microcontroller", "npu_int8"])
def test_integer_devices_take_no_float_and_no_open_shapes(name):
    target = find_target(name)
    assert not target.float_operations
    assert target.static_shapes


def test_npus_have_the_same_operations_for_both_types():
    assert find_target("npu_int8").operations == find_target("npu_int16").operations


@pytest.mark.parametrize("name", ["edgetpu", "gpu", "microcontroller", "npu_int8"])
def test_operations_are_those_of_tflite_each_once_in_order(name):
    operations = [rule.name for rule in find_target(name).operations]
    assert len(set(operations)) == len(operations)
    assert set(operations) <= set(vars(schema.BuiltinOperator))


def test_operations_of_the_microcontroller_are_in_its_runtime():
    spec = importlib.util.find_spec("tflite_micro")
    runtime = Path(spec.origin).parent / "python" / "tflite_micro" / "_runtime.so"
    symbols = runtime.read_bytes()
    for rule in find_target("microcontroller").operations:
        assert f"Register_{rule.name}".encode() in symbols
    for missing in ("CONV_3D", "DENSIFY", "GELU", "TOPK_V2"):
        assert f"Register_{missing}".encode() not in symbols
        assert missing not in [
            r.name for r in find_target("microcontroller").operations
        ]


def test_a_target_survives_json():
    for target in tfc.export.TARGETS.values():
        text = json.dumps(dataclasses.asdict(target))
        assert Target(**json.loads(text)) == target
        assert hash(target) == hash(Target(**json.loads(text)))


def test_a_target_of_ones_own_from_another():
    mine = dataclasses.replace(find_target("gpu"), name="mine", operations=["CONV_2D"])
    assert mine.operations == (OperationRule("CONV_2D"),)
    assert find_target(mine) is mine


def test_a_target_of_ones_own_from_a_file(tmp_path):
    target = read_target(_write(tmp_path, _MINIMUM))
    assert target == Target("mine", "int8", "int8", "uint8", "a board of ours")


def test_a_file_holds_only_what_differs(tmp_path):
    path = _write(tmp_path, 'name = "mine"\nchannel_multiple = 8\n')
    gpu = find_target("gpu")
    expected = dataclasses.replace(gpu, name="mine", channel_multiple=8)
    assert read_target(path, like=gpu) == expected


def test_rules_of_operations_are_read(tmp_path):
    rules = """
operations = [
    "ADD",
    {name = "SLICE", version = 2, ranks = [3, 4], options = {ellipsisMask = [0, 1]}},
]
"""
    target = read_target(_write(tmp_path, _MINIMUM + rules))
    assert target.operations == (
        OperationRule("ADD"),
        OperationRule(
            "SLICE", version=2, ranks=(3, 4), options=(("ellipsisMask", (0, 1)),)
        ),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_MINIMUM + "chanel_multiple = 4", "chanel_multiple.*"),
        (_MINIMUM + "chanel_multiple = 4", "the nearest are .'channel_multiple'"),
        (_MINIMUM + 'largest_rank = "four"', "mine.toml: largest_rank .* whole number"),
        (_MINIMUM + "static_shapes = 1", "static_shapes .* True or False"),
        (_MINIMUM.replace('"uint8"', '"int4"'), "inputs_and_outputs .* one of"),
        (_MINIMUM.replace('"mine"', "3"), "name of a Target must be text"),
        (_MINIMUM + 'operations = "ADD"', "operations .* list of operations"),
        (_MINIMUM + "operations = [{version = 2}]", "a table with a name"),
        (_MINIMUM + "batch = 0", "batch .* 1 or more"),
        ('name = "mine"', "needs the keys"),
        ("name = ", "must be a TOML file"),
    ],
)
def test_faults_of_a_file_name_it_and_the_key(tmp_path, text, message):
    with pytest.raises(ArgumentError, match=message) as caught:
        read_target(_write(tmp_path, text))
    assert "mine.toml" in str(caught.value)


def test_there_must_be_a_file(tmp_path):
    with pytest.raises(ArgumentError, match="can be read.*none.toml"):
        read_target(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("name", "door", "message"),
    [
        ("gpu", "int8", "float32 activations takes and gives float32"),
        ("npu_int16", "int8", "int16 activations takes and gives float32 or int16"),
        ("npu_int8", "int16", "takes and gives float32 or int8 or uint8"),
    ],
)
def test_doors_that_do_not_go_with_activations(name, door, message):
    with pytest.raises(ArgumentError, match=message):
        dataclasses.replace(find_target(name), inputs_and_outputs=door)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nnapi", "npu_int8"),
        ("hexagon", "npu_int8"),
        ("coreml", "cpu_float16"),
        ("cpu_int", "did you mean .*'cpu_int8'"),
        ("phone", "expected one of 'cpu_float16', .*'npu_int8'"),
        (["gpu"], "must be the name of"),
    ],
)
def test_other_names_are_told_what_to_use(name, message):
    with pytest.raises(ArgumentError, match=message):
        find_target(name)


def test_types_that_no_converter_has():
    target = Target("mine", "int4", "int8", "int8", "a board of ours")
    with pytest.raises(ArgumentError, match="'int4', 'int8'"):
        find_target(target)


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("CONV2D", {}, "no such operation; the nearest are .'CONV_2D'.*name='CONV2D'"),
        (3, {}, "no such operation.*name=3"),
        ("CONV_2D", {"version": "3"}, "version .* whole number.*for 'CONV_2D'"),
        ("CONV_2D", {"inputs": True}, "inputs .* whole number"),
        ("CONV_2D", {"ranks": 4}, "ranks .* list of whole numbers.*ranks=4"),
        ("CONV_2D", {"ranks": ["4"]}, "ranks .* list of whole numbers"),
        ("CONV_2D", {"types": "int8"}, "types .* list of types.*types='int8'"),
        ("CONV_2D", {"types": ["in8"]}, "no such type; the nearest are .*'int8'"),
        ("CONV_2D", {"weights": [8]}, "weights .* list of types"),
        ("CONV_2D", {"constant_inputs": None}, "constant_inputs .* list of whole"),
        ("SLICE", {"options": 3}, "options .* by name"),
        ("SLICE", {"options": {"elipsisMask": [0]}}, "nearest are .'ellipsisMask'"),
        ("SLICE", {"options": {"ellipsisMask": ["0"]}}, "options .* numbers by name"),
        ("CONV_2D", {"one_way_broadcast": 1}, "one_way_broadcast .* True or False"),
    ],
)
def test_rules_of_ones_own(name, fields, message):
    with pytest.raises(ArgumentError, match=message):
        OperationRule(name, **fields)


def test_an_operation_has_one_rule():
    rules = ["ADD", OperationRule("CONV_2D", version=3), "CONV_2D"]
    with pytest.raises(ArgumentError, match="several for .'CONV_2D'"):
        dataclasses.replace(find_target("gpu"), name="mine", operations=rules)
