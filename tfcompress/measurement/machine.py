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
    them it may be twice as fast.

    Args:
        cpuinfo: Text in the form of Linux's `/proc/cpuinfo`. Defaults to that of this
            machine; on other systems the instructions are not known.

    Returns:
        Such as `"AMD EPYC 9V74, x86_64, 2 CPUs, AVX-512, int8 dot products
        (AVX-512 VNNI)"`, on one line.

    Example:
    ```python
    print(tfc.measurement.describe_machine())
    ```
    """
    if cpuinfo is None:
        cpuinfo = _CPUINFO.read_text("utf-8", "replace") if _CPUINFO.exists() else ""
    count = os.cpu_count() or 1
    return ", ".join(
        [
            _model_name(cpuinfo) or platform.processor() or platform.system(),
            platform.machine(),
            f"{count} CPU{'s' if count > 1 else ''}",
            _describe_features(cpuinfo),
        ]
    )


def _model_name(cpuinfo: str) -> str:
    found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return " ".join(found.group(1).split()) if found else ""


def _describe_features(cpuinfo: str) -> str:
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    if not found:
        return "CPU features not known"
    features = set(found.group(1).split())
    vectors = [name for flag, name in _VECTORS.items() if flag in features][:1]
    products = [name for flag, name in _DOT_PRODUCTS.items() if flag in features]
    return ", ".join(
        [
            *vectors,
            f"int8 dot products ({', '.join(products)})"
            if products
            else "no int8 dot products",
        ]
    )
