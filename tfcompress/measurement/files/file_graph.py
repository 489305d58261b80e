"""One graph of a `.tflite` file, on the LiteRT interpreter."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tfcompress.measurement.files.tensor import TensorDetails

DEFAULT_SIGNATURE = "serving_default"


class FileGraph:
    """The graph behind a signature of a file: a file has one for each.

    The interpreter's own methods reach the first graph of a file alone, and its
    signature runners resize without a word and cannot tell the run from what stands
    around it. What is called here is what they call.

    Args:
        content: The bytes of a `.tflite` file.
        threads: Threads that one run may use.
        signature: Which signature to run. None takes that of the name
            `"serving_default"`, or the only one, or the first graph of a file without
            any.
        delegates: Whether XNNPACK runs what it has kernels for, as by default.

    Raises:
        KeyError: If there is no such signature, or there are several and none is named.
        RuntimeError: If LiteRT cannot run the file; so does ValueError.
    """

    def __init__(
        self,
        content: bytes,
        *,
        threads: int = 1,
        signature: str | None = None,
        delegates: bool = True,
    ) -> None:
        kernels = OpResolverType.AUTO
        if not delegates:
            kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        interpreter = Interpreter(
            model_content=content,
            num_threads=threads,
            experimental_op_resolver_type=kernels,
        )
        self.signatures = tuple(interpreter.get_signature_list())
        self._interpreter = interpreter
        self._graph = interpreter._interpreter
        self._number = 0
        if self.signatures:
            signature = self._choose(signature)
            runner = interpreter.get_signature_runner(signature)
            self._number = self._graph.GetSubgraphIndexFromSignature(signature)
            inputs, outputs = runner.get_input_details(), runner.get_output_details()
        elif signature is not None:
            raise KeyError(signature)
        else:
            inputs, outputs = (
                {details["name"]: details for details in tensors}
                for tensors in (
                    interpreter.get_input_details(),
                    interpreter.get_output_details(),
                )
            )
        self.signature = signature
        self.inputs = describe_tensors(inputs)
        self.outputs = describe_tensors(outputs)
        if not self.has_open_sizes:
            self.allocate()

    def _choose(self, signature: str | None) -> str:
        if signature is not None:
            if signature not in self.signatures:
                raise KeyError(signature)
            return signature
        if DEFAULT_SIGNATURE in self.signatures:
            return DEFAULT_SIGNATURE
        if len(self.signatures) > 1:
            raise KeyError(None)
        return self.signatures[0]

    @property
    def has_open_sizes(self) -> bool:
        """Whether another axis than the batch has no fixed size.

        Memory for such a graph can only be had when the sizes are known.
        """
        return any(None in details.shape[1:] for details in self.inputs.values())

    def allocate(self) -> None:
        """Gets memory for the present shapes."""
        self._graph.AllocateTensors(self._number)

    def resize(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Changes the shapes of the inputs, where the file leaves them open."""
        for name, shape in shapes.items():
            sizes = np.array(shape, np.int32)
            index = self.inputs[name].index
            self._graph.ResizeInputTensor(index, sizes, True, self._number)
        self.allocate()

    def write(self, rows: Mapping[str, np.ndarray]) -> None:
        """Resets what operations keep from run to run, and sets the inputs."""
        self._interpreter.reset_all_variables()
        for name, array in rows.items():
            index = self.inputs[name].index
            self._graph.SetTensor(index, array, self._number)

    def run(self) -> None:
        """Runs the graph."""
        self._graph.Invoke(self._number)

    def read(self, name: str) -> np.ndarray:
        """Returns a copy of an output, as the file stores it."""
        index = self.outputs[name].index
        array: np.ndarray = self._graph.GetTensor(index, self._number)
        return array


def describe_tensors(
    tensors: Mapping[str, Mapping[str, Any]],
) -> dict[str, TensorDetails]:
    """Turns what LiteRT says of tensors, by name, into `TensorDetails`."""
    result = {}
    for name, tensor in tensors.items():
        signature = tensor["shape_signature"]
        sizes = signature if len(signature) else tensor["shape"]
        scale, zero_point = tensor["quantization"]
        result[name] = TensorDetails(
            name=name,
            index=int(tensor["index"]),
            shape=tuple(int(size) if size >= 0 else None for size in sizes),
            dtype=np.dtype(tensor["dtype"]),
            scale=float(scale),
            zero_point=int(zero_point),
        )
    return result
