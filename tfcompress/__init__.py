"""tfcompress: Keras models made small and fast, with measured proof.

The rooms are modules, loaded when first used, so that `import tfcompress` loads
neither TensorFlow nor Keras:

- `tfcompress.distillation`: train a small student from a large teacher.
- `tfcompress.pruning`, `tfcompress.quantization`: techniques that change a model.
- `tfcompress.export`: write the `.tflite` that ships.
- `tfcompress.measurement`, `tfcompress.report`: the proof.
- `tfcompress.keras_compat`, `tfcompress.graph`: the two Kerases, and models as
  plain data.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

_MODULES = (
    "data",
    "distillation",
    "errors",
    "export",
    "graph",
    "keras_compat",
    "measurement",
    "pipeline",
    "pruning",
    "quantization",
    "report",
    "schedules",
    "technique",
)

_NAMES = {
    "Distiller": "distillation",
    "Technique": "technique",
}

__all__ = [*_MODULES, *_NAMES]  # noqa: PLE0604

if TYPE_CHECKING:
    from tfcompress import (
        data,
        distillation,
        errors,
        export,
        graph,
        keras_compat,
        measurement,
        pipeline,
        pruning,
        quantization,
        report,
        schedules,
        technique,
    )
    from tfcompress.distillation import Distiller
    from tfcompress.technique import Technique


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"tfcompress.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"tfcompress.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'tfcompress' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
