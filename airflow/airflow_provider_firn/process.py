"""One firn process: its log lines as they come, its report, and its end."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Callable, Mapping, Sequence

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    """Runs in the child before firn: a worker that is killed outright stops firn too, which then commits nothing."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """Runs argv without a shell. Standard error is handed on line by line, standard output is kept: it is the report."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: str | None, log: Callable[[str], None]):
        self._out: list[bytes] = []
        self._log = log
        self._child = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a signal to the worker's group must not cut the run short without on_kill
            preexec_fn=_die_with_parent if _libc else None,
        )
        self._readers = [threading.Thread(target=f, daemon=True) for f in (self._read_out, self._read_log)]
        for t in self._readers:
            t.start()

    def _read_out(self) -> None:
        self._out.append(self._child.stdout.read())

    def _read_log(self) -> None:
        for line in self._child.stderr:
            self._log(line.decode("utf-8", "replace").rstrip())

    def wait(self) -> int:
        """The exit code; a process ended by signal n has 128 + n."""
        code = self._child.wait()
        for t in self._readers:
            t.join()
        return code if code >= 0 else 128 - code

    def report(self) -> dict[str, Any] | None:
        """The report that firn printed, also after a failure; None when it came to none."""
        try:
            report = json.loads(b"".join(self._out))
        except ValueError:
            return None
        return report if isinstance(report, dict) else None

    def stop(self, patience: float) -> None:
        """Ask the process to end, and kill it after patience seconds. Safe to call from a signal handler that interrupts wait."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + patience
        while not self._ended():
            if time.monotonic() > deadline:
                self._log(f"firn did not end within {patience:g} s of SIGTERM: sending SIGKILL")
                self._signal(signal.SIGKILL)
                return
            time.sleep(0.05)

    def _signal(self, sig: int) -> None:
        try:
            os.kill(self._child.pid, sig)
        except ProcessLookupError:
            pass

    def _ended(self) -> bool:
        # Popen's own wait may be what the handler interrupted, and it holds a lock: look without reaping.
        try:
            return os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True
