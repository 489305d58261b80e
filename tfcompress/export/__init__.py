"""Export: the best `.tflite` file for a device, checked before it gets its name.

What converts models is loaded when it is first used.
"""

from typing import TYPE_CHECKING

from tfcompress.lazy import load_lazily

if TYPE_CHECKING:
    from tfcompress.export.account.artifact import Artifact, FileSignature
    from tfcompress.export.account.metadata import (
        Metadata,
        read_metadata,
        write_metadata,
    )
    from tfcompress.export.census import Operation
    from tfcompress.export.microcontroller.lookup_tables import (
        LookupTable,
        LookupTables,
        compress_with_lookup_tables,
    )
    from tfcompress.export.microcontroller.microcontroller import (
        MicrocontrollerRun,
        run_on_microcontroller,
    )
    from tfcompress.export.preprocessing import (
        Preprocessing,
        PreprocessingStep,
        without_preprocessing,
    )
    from tfcompress.export.sparse.sparse_ready import (
        SparseFailure,
        SparseReadiness,
        sparse_ready,
    )
    from tfcompress.export.target_rules import check_target
    from tfcompress.export.targets import (
        TARGETS,
        OperationRule,
        Target,
        find_target,
        read_target,
    )
    from tfcompress.export.tflite import to_tflite
    from tfcompress.export.verification.bisection import compare_layers
    from tfcompress.export.verification.gap import Gap
    from tfcompress.export.verification.layer_comparison import (
        LayerComparison,
        LayerGap,
    )
    from tfcompress.export.verification.partitions import Partitions, find_partitions
    from tfcompress.export.verification.verification import Verification

__all__ = [
    "TARGETS",
    "Artifact",
    "FileSignature",
    "Gap",
    "LayerComparison",
    "LayerGap",
    "LookupTable",
    "LookupTables",
    "Metadata",
    "MicrocontrollerRun",
    "Operation",
    "OperationRule",
    "Partitions",
    "Preprocessing",
    "PreprocessingStep",
    "SparseFailure",
    "SparseReadiness",
    "Target",
    "Verification",
    "check_target",
    "compare_layers",
    "compress_with_lookup_tables",
    "find_partitions",
    "find_target",
    "read_metadata",
    "read_target",
    "run_on_microcontroller",
    "sparse_ready",
    "to_tflite",
    "without_preprocessing",
    "write_metadata",
]

_HOMES = {
    "TARGETS": "targets",
    "Artifact": "account.artifact",
    "FileSignature": "account.artifact",
    "Gap": "verification.gap",
    "LayerComparison": "verification.layer_comparison",
    "LayerGap": "verification.layer_comparison",
    "LookupTable": "microcontroller.lookup_tables",
    "LookupTables": "microcontroller.lookup_tables",
    "Metadata": "account.metadata",
    "MicrocontrollerRun": "microcontroller.microcontroller",
    "Operation": "census",
    "OperationRule": "targets",
    "Partitions": "verification.partitions",
    "Preprocessing": "preprocessing",
    "PreprocessingStep": "preprocessing",
    "SparseFailure": "sparse.sparse_ready",
    "SparseReadiness": "sparse.sparse_ready",
    "Target": "targets",
    "Verification": "verification.verification",
    "check_target": "target_rules",
    "compare_layers": "verification.bisection",
    "compress_with_lookup_tables": "microcontroller.lookup_tables",
    "find_partitions": "verification.partitions",
    "find_target": "targets",
    "read_metadata": "account.metadata",
    "read_target": "targets",
    "run_on_microcontroller": "microcontroller.microcontroller",
    "sparse_ready": "sparse.sparse_ready",
    "to_tflite": "tflite",
    "without_preprocessing": "preprocessing",
    "write_metadata": "account.metadata",
}

__getattr__, __dir__ = load_lazily(__name__, _HOMES)
