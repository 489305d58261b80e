import math
import subprocess
import sys

import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.measurement.files.type_bits import type_bits

TYPES = {
    **{"FLOAT32": 32, "FLOAT16": 16, "BFLOAT16": 16, "FLOAT64": 64, "BOOL": 8},
    **{"INT2": 2, "INT4": 4, "UINT4": 4, "INT8": 8, "UINT8": 8, "INT16": 16},
    **{"UINT16": 16, "INT32": 32, "UINT32": 32, "INT64": 64, "UINT64": 64},
    **{"COMPLEX64": 64, "COMPLEX128": 128, "FLOAT8_E4M3FN": 8, "FLOAT8_E5M2": 8},
    **{"STRING": 0, "RESOURCE": 0, "VARIANT": 0},
}


def test_every_type_of_the_schema():
    named = {name for name in vars(schema.TensorType) if not name.startswith("_")}
    assert named == set(TYPES)
    assert {name: type_bits(name.lower()) for name in TYPES} == TYPES


@pytest.mark.parametrize("name", ["BFLOAT16", "INT4", "BOOL", "FLOAT8_E5M2"])
def test_files_of_types_that_numpy_has_no_name_for(tmp_path, dense_files, name):
    model = flatbuffer_utils.read_model(str(dense_files["fixed"]))
    for tensor in model.subgraphs[0].tensors:
        tensor.type = getattr(schema.TensorType, name)
        buffer = model.buffers[tensor.buffer]
        if buffer.data is not None:
            count = -(-math.prod(tensor.shape) * TYPES[name] // 8)
            buffer.data = buffer.data[:count]
    path = tmp_path / "model.tflite"
    flatbuffer_utils.write_model(model, str(path))
    # In a process without TensorFlow, which gives NumPy some of them.
    code = (
        "import sys\n"
        "from tfcompress import measurement\n"
        "measurement.inspect(sys.argv[1])\n"
        "print(measurement.profile(sys.argv[1]).activation_peak)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True
    )
    # Alive at once: two numbers in, three out.
    assert done.stdout.strip() == str(2 * TYPES[name] // 8 + 3 * TYPES[name] // 8), (
        done.stderr
    )
