"""tfcompress: Keras models made small and fast, with measured proof.

The rooms are modules, loaded when first used, so that `import tfcompress` loads
neither TensorFlow nor Keras:

- `tfcompress.distillation`: train a small student from a large teacher.
- `tfcompress.pruning`, `tfcompress.quantization`, `tfcompress.sharing`: techniques
  that change a model.
- `tfcompress.sources`: models and data from files, folders and functions.
- `tfcompress.search`: how far each part of a model can be pruned, by measuring.
- `tfcompress.export`: write the `.tflite` that ships.
- `tfcompress.measurement`, `tfcompress.report`: the proof.
- `tfcompress.pipeline`, `tfcompress.recipes`: the whole way, and ready ways by goal.
- `tfcompress.keras_compat`, `tfcompress.graph`: the two Kerases, and models as
  plain data.
"""

import importlib
from typing import TYPE_CHECKING, Any

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
        recipes,
        report,
        schedules,
        search,
        sharing,
        sources,
        technique,
    )
    from tfcompress.distillation import Distiller
    from tfcompress.pipeline import Pipeline, compress
    from tfcompress.technique import Technique

__version__ = "0.1.0.dev0"

__all__ = [
    "Distiller",
    "Pipeline",
    "Technique",
    "compress",
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
    "recipes",
    "report",
    "schedules",
    "search",
    "sharing",
    "sources",
    "technique",
]

_ROOMS = {
    "Distiller": "distillation",
    "Pipeline": "pipeline",
    "Technique": "technique",
    "compress": "pipeline",
}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return getattr(importlib.import_module(f"tfcompress.{_ROOMS[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"tfcompress.{name}")
    raise AttributeError(f"module 'tfcompress' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
