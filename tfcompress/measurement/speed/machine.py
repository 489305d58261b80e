"""The machine that latency was measured on."""

import os
import platform
import re
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")

# Instructions that multiply and add int8 numbers in one step, by Linux's names.
_DOT_PRODUCTS = {
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX VNNI",
    "asimddp": "Arm dot product",
    "i8mm": "Arm int8 matrix product",
}
_VECTORS = {
    "avx512f": "AVX-512",
    "avx2": "AVX2",
    "avx": "AVX",
    "sve": "SVE",
    "asimd": "Neon",
    "neon": "Neon",
}


def describe_machine(cpuinfo: str | None = None) -> str:
    """Describes this machine in one line, for the foot of a table of latencies.

    The CPU's vector instructions stand in it, and whether it has dot products of
    int8 numbers: without them an int8 file is hardly faster than a float one, with
    them it may be twice as fast. So does whether there are sparse kernels: see
    `has_sparse_kernels`.

    Args:
        cpuinfo: Text in the form of Linux's `/proc/cpuinfo`. Defaults to that of this
            machine; on other systems the instructions are not known.

    Returns:
        Such as `"AMD EPYC 9V74, x86_64, 2 CPUs, AVX-512, int8 dot products
        (AVX-512 VNNI), sparse kernels on this CPU: no"`, on one line.

    Example:
    ```python
    print(tfc.measurement.describe_machine())
    ```
    """
    cpuinfo = _read_cpuinfo() if cpuinfo is None else cpuinfo
    count = os.cpu_count() or 1
    return ", ".join(
        [
            _model_name(cpuinfo) or platform.processor() or platform.system(),
            platform.machine(),
            f"{count} CPU{'s' if count > 1 else ''}",
            _describe_features(cpuinfo),
        ]
    )


def has_sparse_kernels(cpuinfo: str | None = None) -> bool | None:
    """Says whether XNNPACK has sparse convolution kernels for this machine's CPU.

    It has them for Arm, and on x86 for CPUs without AVX only, of which there are
    hardly any: so a PC never shows what sparsity gains on a phone. See
    `xnn_is_chw_compatible_config` in
    https://github.com/google/XNNPACK/blob/master/src/xnnpack/hardware-config.h.

    Args:
        cpuinfo: Text in the form of Linux's `/proc/cpuinfo`. Defaults to that of this
            machine.

    Returns:
        Whether it has, or None where the CPU's instructions are not known.

    Example:
    ```python
    if not tfc.measurement.has_sparse_kernels():
        print("measure sparse convolutions on a phone")
    ```
    """
    features = _features(_read_cpuinfo() if cpuinfo is None else cpuinfo)
    return "avx" not in features if features else None


def _read_cpuinfo() -> str:
    return _CPUINFO.read_text("utf-8", "replace") if _CPUINFO.exists() else ""


def _features(cpuinfo: str) -> set[str]:
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return set(found.group(1).split()) if found else set()


def _model_name(cpuinfo: str) -> str:
    found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return " ".join(found.group(1).split()) if found else ""


def _describe_features(cpuinfo: str) -> str:
    features = _features(cpuinfo)
    if not features:
        return "CPU features not known"
    sparse = "yes" if has_sparse_kernels(cpuinfo) else "no"
    vectors = [name for flag, name in _VECTORS.items() if flag in features][:1]
    products = [name for flag, name in _DOT_PRODUCTS.items() if flag in features]
    return ", ".join(
        [
            *vectors,
            f"int8 dot products ({', '.join(products)})"
            if products
            else "no int8 dot products",
            f"sparse kernels on this CPU: {sparse}",
        ]
    )
