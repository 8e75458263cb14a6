"""Ctrl-C and SIGTERM, heard at once and answered at the next safe instant."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["StopRequests"]

#: What asks a program to stop; the second is how a cluster does it.
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequests:
    """A context in which a first Ctrl-C or SIGTERM is only noted; a second acts as ever.

    Between two instructions of Python a step of the optimizer may be half done. Handlers belong
    to the caller: they are put back at the end, and outside of the main thread, where Python has
    none, nothing is noted.

    Attributes
    ----------
    received : signal.Signals or None
        What has come.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Begin to listen."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.getsignal(number) for number in SIGNALS}
            for number in SIGNALS:
                signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        self._give_back()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        self._give_back()

    def heard_by_any(self, number: int) -> None:
        """Take note of a signal that another process of the training got; 0 is none."""
        if number and self.received is None:
            self.received = signal.Signals(number)

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            # None: a handler that was not set from Python, and cannot be set from it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}
