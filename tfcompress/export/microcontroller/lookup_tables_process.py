"""The compression of the `tflite-micro` package, in a process of its own.

Run as a script, so that its compiled parts share no process with TensorFlow's. It reads
`model.tflite` and `tables.json` in the folder that it is given, and writes
`compressed.tflite` there.
"""

import json
import sys
from pathlib import Path

from tflite_micro.tensorflow.lite.micro.compression import spec
from tflite_micro.tensorflow.lite.micro.compression.compress import compress


def run(folder: Path) -> None:
    """Compresses the tensors that `tables.json` lists, as it says."""
    tables = json.loads((folder / "tables.json").read_text())
    wanted = [
        spec.Tensor(
            subgraph=subgraph,
            tensor=tensor,
            compression=[
                spec.LookUpTableCompression(
                    index_bitwidth=bits,
                    mode=spec.PerTensor() if axis is None else spec.PerChannel(axis),
                )
            ],
        )
        for subgraph, tensor, bits, axis in tables
    ]
    content = (folder / "model.tflite").read_bytes()
    (folder / "compressed.tflite").write_bytes(bytes(compress(content, wanted)))


if __name__ == "__main__":
    run(Path(sys.argv[1]))
