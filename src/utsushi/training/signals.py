"""Ctrl-C and SIGTERM during a training."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["SignalHandler"]

#: Signals to stop; a cluster's scheduler sends the second.
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SignalHandler:
    """A context that only records a first Ctrl-C or SIGTERM; a second one acts as usual.

    A training stops at the next step, because the signal may arrive in the middle of an update.
    The caller's handlers are restored at the end, and get a signal that was recorded too late to
    stop the training. Outside of the main thread, where Python has no
    handlers, nothing is recorded.

    Attributes
    ----------
    received : signal.Signals or None
        The recorded signal.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Install the handlers."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.getsignal(number) for number in SIGNALS}
            for number in SIGNALS:
                signal.signal(number, self._record)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Restore the caller's handlers; a signal that stopped nothing is theirs."""
        self._restore_handlers()
        if error is None and self.received is not None:
            signal.raise_signal(self.received)

    def _record(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        self._restore_handlers()

    def _restore_handlers(self) -> None:
        for number, handler in self._before.items():
            # None: a handler that was not set from Python, and cannot be set from it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}
