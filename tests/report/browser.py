"""A headless Chromium, told what to do over a pipe.

It speaks the DevTools protocol, https://chromedevtools.github.io/devtools-protocol,
which with `--remote-debugging-pipe` is JSON with a zero byte behind each message.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time

SECONDS = 60
_SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
)


class Browser:
    """One page in a Chromium of its own; a context that ends it.

    Attributes:
        requests: The addresses that the page asked for.
        complaints: What the page wrote to the console, errors among them.
    """

    def __init__(self, folder):
        command = shutil.which("chromium")
        if command is None:
            raise FileNotFoundError(
                "These tests need the command chromium: apt-get install chromium"
            )
        there, self._to = os.pipe()
        self._from, here = os.pipe()
        switches = " ".join([*_SWITCHES, f"--user-data-dir={folder}/profile"])
        self._process = subprocess.Popen(
            ["bash", "-c", f"exec {command} {switches} 3<&{there} 4>&{here}"],
            pass_fds=(there, here),
            env={**os.environ, "HOME": str(folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(there)
        os.close(here)
        self._buffer, self._sent, self._session = b"", 0, None
        self._events, self.requests, self.complaints = [], [], []

    def __enter__(self):
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(SECONDS)
        os.close(self._to)
        os.close(self._from)

    def open(self, address, *, width, height=900):
        """Opens a page on a screen of this size, and waits until it is there."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self._events.clear()
        self._call("Page.navigate", url=address)
        while "Page.loadEventFired" not in self._events:
            self._read()
        self.value("new Promise(done => setTimeout(() => done(1), 100))")

    def value(self, expression):
        """Returns the value of an expression in JavaScript."""
        answer = self._call(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
        )
        return answer["result"]["value"]

    def picture(self, path):
        """Writes a picture of the whole page."""
        size = self._call("Page.getLayoutMetrics")["cssContentSize"]
        picture = self._call(
            "Page.captureScreenshot",
            captureBeyondViewport=True,
            clip={**size, "scale": 1},
        )
        path.write_bytes(base64.b64decode(picture["data"]))

    def _call(self, method, **parameters):
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._sent:
                assert "error" not in answer, answer
                return answer["result"]

    def _read(self):
        end = time.monotonic() + SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], end - time.monotonic())
            read = os.read(self._from, 1 << 20) if ready else b""
            if not read:
                raise TimeoutError("Chromium does not answer, or has ended")
            self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(line)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, event, what):
        self._events.append(event)
        if event == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"])
        elif event == "Log.entryAdded":
            self.complaints.append(what["entry"]["text"])
        elif event == "Runtime.consoleAPICalled":
            self.complaints.append(str(what["args"]))
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(what["exceptionDetails"]["text"])
