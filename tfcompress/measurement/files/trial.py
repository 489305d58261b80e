"""Files from elsewhere, tried where a crash does no harm.

LiteRT checks that a file is well formed, and some of what its operations say. Others
it believes, so a damaged file can end the process with a segmentation fault, or run
without end. Each file is therefore run once in a child process before it is run here.
"""

import atexit
import contextlib
import hashlib
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from tfcompress.errors import ModelError, ProcessError
from tfcompress.measurement.files.structure import parse_tflite

# Of CPU time, so that a busy machine takes nothing from a file. A run on the slowest
# kernels takes some seconds for networks of billions of products.
SECONDS = 30.0
_SECONDS_PER_BYTE = 1e-6

# A trial that waits, and computes nothing, ends after so many times its CPU time.
_PATIENCE = 10.0

# Memory is filled with a pattern, so that what was never written looks like no pointer.
_SETTINGS = {"MALLOC_PERTURB_": "165", "OPENBLAS_NUM_THREADS": "1"}

_CPU_TIME = getattr(signal, "SIGXCPU", None)
_KILL = getattr(signal, "SIGKILL", None)

_READY = b"ready\n"  # what the child process says when it waits for orders
_LONGEST = 500

_PROGRAM = "tfcompress.measurement.files.trial_process"
_PACKAGES = Path(__file__).parents[3]


def check_runs(
    content: bytes, path: str | os.PathLike[str], *, delegates: bool = True
) -> None:
    """Raises an error if running a file would end the process, or never end.

    A file is tried once in a process, whatever it is called, and those that were
    trusted not at all; only where a trial took too long or was killed, which may be no
    fault of the file, the next one starts anew. The child process stays, for the next
    file; it takes a second to start, and then some times as long for a file as loading
    and running it.

    Args:
        content: The bytes of the file, which are a whole `.tflite` file.
        path: What the file is called in the error.
        delegates: As in `LiteRTModel`.

    Raises:
        ModelError: If the parts of the file do not fit together, or if the child
            process crashed or took too long. What LiteRT refuses with an error is not
            refused here.
        ProcessError: If the child process cannot be started.

    Example:
    ```python
    from pathlib import Path
    from tfcompress.measurement.files.trial import check_runs

    check_runs(Path("small.tflite").read_bytes(), "small.tflite")
    ```
    """
    key = _digest(content), delegates
    if key not in _results:
        parse_tflite(content, path)
        try:
            _results[key] = _child.run(content, delegates)
        except _UnfinishedTrial as error:
            raise ModelError(
                "The trial of the file in a child process came to no end, so it is not "
                "run here. Try it again when the machine has more time and memory; "
                "LiteRTModel runs a file without a trial with trusted=True. "
                f"Received: path={os.fspath(path)!r}, whose trial {error}"
            ) from error
    failure = _results[key]
    if failure is not None:
        raise ModelError(
            "LiteRT cannot run the file: it is damaged, or holds operations that do "
            "not fit together; write it again. "
            f"Received: path={os.fspath(path)!r}, whose trial in a child process "
            f"{failure}"
        )


def trust(content: bytes) -> None:
    """Lets a file be run without a trial, for this process has written it itself.

    Args:
        content: The bytes of the file.

    Example:
    ```python
    from pathlib import Path
    from tfcompress.measurement.files.trial import trust

    trust(Path("small.tflite").read_bytes())
    ```
    """
    digest = _digest(content)
    for delegates in (True, False):
        _results[digest, delegates] = None


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


class _UnfinishedTrial(Exception):
    """A trial of which nobody knows how it would have ended; says why."""


class _Child:
    """The child process, started when it is needed and again when it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def run(self, content: bytes, delegates: bool) -> str | None:
        """Returns how the trial of a file failed, or None."""
        seconds = math.ceil(SECONDS + _SECONDS_PER_BYTE * len(content))
        with self._lock:
            if not self._is_running():
                self._start()
            assert self._process is not None
            watch = threading.Timer(_PATIENCE * seconds, _kill, [self._process])
            watch.start()
            code = None
            try:
                code = _ask(self._process, content, delegates, seconds)
                code = self._process.wait() if code is None else code
            finally:
                watch.cancel()
                if code is None or self._process.poll() is not None:
                    self.stop()
        if code == 0:
            return None
        if -code == _CPU_TIME:
            raise _UnfinishedTrial(f"did not end within {seconds} s of CPU time")
        if -code == _KILL:
            raise _UnfinishedTrial("was killed, for want of memory or of an end")
        return f"ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}"

    def _is_running(self) -> bool:
        mine = self._owner == os.getpid()  # a fork has its parent's child
        return mine and self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        self.stop()
        with tempfile.TemporaryFile() as said:
            self._process = subprocess.Popen(
                # -P: no file of the user's, such as a json.py, comes before another.
                [sys.executable, "-P", "-m", _PROGRAM],
                env={**os.environ, **_SETTINGS, "PYTHONPATH": _paths()},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                # Its own copies, in which a file runs, end together with it.
                start_new_session=True,
            )
            self._owner = os.getpid()
            assert self._process.stdout is not None
            if _READY in iter(self._process.stdout.readline, b""):
                return
            code = self._process.wait()
            self.stop()
            said.seek(0)
            words = " ".join(said.read().decode("utf-8", "replace").split())
        raise ProcessError(
            "The process that tries .tflite files before they are run here cannot be "
            "started; this is no fault of the file. LiteRTModel runs a file without a "
            "trial with trusted=True. "
            f"Received: exit code {code} of {sys.executable} ({words[-_LONGEST:]})"
        )

    def stop(self) -> None:
        """Ends the child process, and its copy that runs a file."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        _kill(process)
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what was not written yet
                if pipe is not None:
                    pipe.close()
        process.wait()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _paths() -> str:
    """Returns where to import from: where we do, and from where we come ourselves."""
    return os.pathsep.join([*filter(None, sys.path), str(_PACKAGES)])


def _ask(
    process: "subprocess.Popen[bytes]", content: bytes, delegates: bool, seconds: int
) -> int | None:
    """Returns how the trial of a file ended, or None if the child process ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    order = b"%s %d %d\n" % (b"x" if delegates else b"o", seconds, len(content))
    try:
        process.stdin.write(order)
        process.stdin.write(content)
        process.stdin.flush()
    except BrokenPipeError:
        return None
    answer = process.stdout.readline()
    return int(answer) if answer else None


_results: dict[tuple[bytes, bool], str | None] = {}
_child = _Child()
atexit.register(_child.stop)
