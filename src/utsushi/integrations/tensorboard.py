"""Log a training for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from utsushi._utils.optional_dependencies import require_extra

__all__ = ["TensorBoard", "require_tensorboard"]

#: Columns of the history that are not logged.
_POSITION = ("epoch", "seconds")

#: The runs of the log: of the training samples and of the held-out samples.
_RUNS = ("train", "validation")


def require_tensorboard() -> None:
    """Raise a `MissingPackageError` where the extra ``tensorboard`` is not installed."""
    instead = "read history.jsonl, which has the same numbers"
    require_extra("tensorboard", "tensorboard", what="a log for TensorBoard", otherwise=instead)


class TensorBoard:
    """Log each epoch of a training for TensorBoard; a context manager and a callback of ``fit``.

    Each quantity is one chart, ``objective``, ``reconstruction``, ``kl``, with the runs ``train``
    and ``validation`` for training and held-out samples. The events are a function of the history:
    a resumed training writes those before its checkpoint again, so the events in these two folders
    are replaced. Other logs in ``folder`` are kept.

    Parameters
    ----------
    folder : str or Path
        The folder of the log; the events are written to its folders ``train`` and ``validation``.

    Raises
    ------
    MissingPackageError
        If the extra ``tensorboard`` is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from utsushi import Autoencoder
    >>> rows = [[0.0, 1.0, 0.5], [1.0, 0.0, 0.2], [0.5, 0.5, 0.9], [0.1, 0.8, 0.4]]
    >>> model = Autoencoder(1, hidden=(4,), max_epochs=2, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder, TensorBoard(folder) as board:
    ...     _ = model.fit(rows, on_epoch=board)
    ...     sorted(path.name for path in board.folder.iterdir())
    ['train']
    """

    def __init__(self, folder: str | Path) -> None:
        require_tensorboard()
        self.folder = Path(folder)
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Remove the events of an earlier training."""
        for rows in _RUNS:
            for file in (self.folder / rows).glob("events.out.tfevents.*"):
                file.unlink()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write the pending events, and close the files."""
        for writer in self._writers.values():
            writer.close()

    def __call__(self, model: Any, row: dict[str, Any]) -> None:
        """Write an epoch of a model in training, a row of its ``history_``."""
        for name, value in row.items():
            if name in _POSITION:
                continue
            rest = name.removeprefix("validation_")
            self._writer("train" if rest == name else "validation").add_scalar(
                rest, value, row["epoch"]
            )
        for writer in self._writers.values():
            writer.flush()  # so that TensorBoard shows each epoch when it ends

    def _writer(self, rows: str) -> Any:
        """Return the writer for training or held-out samples; its import takes a second."""
        if rows not in self._writers:
            from torch.utils.tensorboard import SummaryWriter

            self._writers[rows] = SummaryWriter(str(self.folder / rows))
        return self._writers[rows]
