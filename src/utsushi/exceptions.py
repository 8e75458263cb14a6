"""The errors and warnings of Utsushi.

Each message is one line: what the value must be, what it is, and the fix. (The one exception is
scikit-learn's list of column names that do not match.) Errors about values are also
``ValueError``, as in scikit-learn, so code that catches the built-in classes works.
"""

from __future__ import annotations

import re
import signal
from pathlib import Path

__all__ = [
    "CheckpointError",
    "DataError",
    "DownloadError",
    "EndedByAnother",
    "MissingPackageError",
    "ModelFileError",
    "NonFiniteDataError",
    "PoorFitWarning",
    "ProcessLostError",
    "RunError",
    "SettingError",
    "TrainingDivergedError",
    "TrainingInterrupted",
    "UtsushiError",
    "UtsushiWarning",
]


class UtsushiError(Exception):
    """The base of all errors of this library."""


class DataError(UtsushiError, ValueError):
    """A source or an array that cannot be used: missing, empty, or of a wrong shape or type."""


class NonFiniteDataError(DataError):
    """NaN or infinity among the input; the message names the first row and column."""


class SettingError(UtsushiError, ValueError):
    """An option, a parameter or a name outside of what is allowed."""


class MissingPackageError(SettingError, ImportError):
    """An option that needs a package which is not installed; the message names the extra."""


class ModelFileError(UtsushiError, ValueError):
    """A model file that is missing, damaged, of a newer format, or not a model file at all."""


class RunError(UtsushiError, ValueError):
    """A run folder that cannot be read, or that must not be overwritten."""


class CheckpointError(UtsushiError, ValueError):
    """A checkpoint that is damaged, in use, or of another training."""


class ProcessLostError(UtsushiError, RuntimeError):
    """Another process of a training that cannot be reached any more."""

    def __init__(self, n_processes: int, reason: str) -> None:
        matches = re.findall(r"[Cc]onnection \w+ by peer|[Tt]imed out|[Tt]imeout", reason)
        super().__init__(
            f"one of the {n_processes} processes of the training is gone "
            f"({matches[0] if matches else ' '.join(reason.split())[:200]}). Resume from the last "
            "checkpoint with utsushi train --resume, or start torchrun with --max-restarts."
        )


class EndedByAnother(UtsushiError, RuntimeError):  # noqa: N818 - it is no error of its own
    """Another process of a training failed before; the message is its own."""


class DownloadError(UtsushiError, OSError):
    """A download that failed, or whose content does not have the expected checksum."""


class TrainingDivergedError(UtsushiError, ArithmeticError):
    """The objective stopped being a finite number; the estimator is not fitted."""


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM stopped a training after it wrote a checkpoint.

    Attributes
    ----------
    signal : signal.Signals
    checkpoint_dir : Path
    """

    def __init__(self, received: signal.Signals, checkpoint_dir: Path) -> None:
        super().__init__(
            f"{received.name} stopped the training after a checkpoint. Fit again with "
            f"checkpoint_dir={str(checkpoint_dir)!r} to resume."
        )
        self.signal = received
        self.checkpoint_dir = checkpoint_dir


class UtsushiWarning(UserWarning):
    """Something that is allowed but probably not intended."""


class PoorFitWarning(UtsushiWarning):
    """A fitted model that reconstructs poorly, was unstable in training, or overfits."""
