"""Runs `.tflite` files as a CPU without AVX would, for a look at sparse kernels.

XNNPACK has its sparse convolution kernels on Arm, and on x86 for CPUs without AVX
alone. Here what it reads of the CPU is changed in memory before it looks, so that it
takes its SSE kernels, sparse ones among them. The times are not those of any real
machine; whether sparse kernels are used is as on a phone.

Run it with `python benchmarks/without_avx.py dense.tflite sparse.tflite`; it prints
JSON: for each file the shortest run in milliseconds, and whether it uses sparse
kernels. It works on Linux on x86 with `nm` installed, as long as the runtime's library
holds its symbols; where it does not, it says so and ends with code 2.
"""

import ctypes
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import ai_edge_litert
from ai_edge_litert.interpreter import Interpreter

from tfcompress.measurement import latency

LIBRARY = Path(ai_edge_litert.__file__).parent / "libpywrap_litert_common.so"
SYMBOLS = (
    "cpuinfo_initialize",
    "cpuinfo_isa",
    "f32_spmm_config",
    "f32_spmm_guard",
    "xnn_init_hardware_config",
)
# Position of AVX among the CPU's features, which stand in the order of their age.
FIRST_HIDDEN = 0x11


def main() -> None:
    """Measures the files that were named."""
    files = sys.argv[1:]
    symbols = find_symbols()
    if not files or symbols is None:
        print("AVX cannot be hidden here, or no file was named", file=sys.stderr)
        sys.exit(2)
    hide_avx(symbols)
    sparse = {file: uses_sparse_kernels(file, symbols) for file in files}
    times = latency({file: file for file in files}, seconds=4.0)
    found = {
        file: {"lowest_ms": times[file].lowest_ms, "sparse": sparse[file]}
        for file in files
    }
    print(json.dumps(found))


def find_symbols() -> dict[str, Any] | None:
    """Returns memory of the runtime's library by name, or None if it is not found."""
    if platform.machine() != "x86_64" or not LIBRARY.exists() or not shutil.which("nm"):
        return None
    listed = subprocess.run(
        ["nm", "-S", str(LIBRARY)], capture_output=True, text=True, check=False
    )
    rows = (line.split() for line in listed.stdout.splitlines())
    places = {row[3]: row[:2] for row in rows if len(row) == 4 and row[3] in SYMBOLS}
    base = find_base()
    if base is None or set(places) != set(SYMBOLS):
        return None
    return {
        name: (ctypes.c_uint8 * int(size, 16)).from_address(base + int(start, 16))
        for name, (start, size) in places.items()
    }


def find_base() -> int | None:
    """Returns where the library was loaded."""
    maps = Path("/proc/self/maps")
    for line in maps.read_text().splitlines() if maps.exists() else ():
        if line.endswith(str(LIBRARY)):
            return int(line.split("-")[0], 16)
    return None


def hide_avx(symbols: dict[str, Any]) -> None:
    """Makes XNNPACK choose its kernels as on a CPU with nothing newer than SSE4."""
    function = ctypes.CFUNCTYPE(ctypes.c_bool)
    function(ctypes.addressof(symbols["cpuinfo_initialize"]))()
    for position in range(FIRST_HIDDEN, len(symbols["cpuinfo_isa"])):
        symbols["cpuinfo_isa"][position] = 0
    function(ctypes.addressof(symbols["xnn_init_hardware_config"]))()


def uses_sparse_kernels(file: str, symbols: dict[str, Any]) -> bool:
    """Loads a file, and looks whether XNNPACK set its sparse kernels up for it."""
    for name in ("f32_spmm_config", "f32_spmm_guard"):
        ctypes.memset(ctypes.addressof(symbols[name]), 0, len(symbols[name]))
    Interpreter(file).allocate_tensors()
    return any(symbols["f32_spmm_config"])


if __name__ == "__main__":
    main()
