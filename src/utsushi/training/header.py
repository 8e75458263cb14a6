"""What the header of a checkpoint may say; a stranger may have written it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["CheckpointHeader"]

#: Whole numbers that a float can hold.
Count = Annotated[int, Field(ge=0, le=2**53)]

#: A row of the history, as pairs in the order in which it is shown.
Row = list[tuple[str, float]]

#: What a row of the history says besides the terms.
_COLUMNS = {"epoch", "objective", "learning_rate", "seconds"}


class _Strict(BaseModel):
    """No value is taken for one of another type, and no number is infinite."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Means(_Strict):
    """See `utsushi.training.bookkeeping.Means`."""

    n_rows: Count
    sums: list[tuple[str, float]]


class _Best(_Strict):
    """See `utsushi.training.bookkeeping.BestSoFar`; 0 and nothing where there is no epoch yet."""

    epoch: Count
    objective: float | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.epoch == 0) != (self.objective is None) or (
            "objective" in self.model_fields_set and self.objective is None
        ):
            raise ValueError("an epoch and its objective are there together, or not at all")
        return self


class CheckpointHeader(_Strict):
    """What stands beside the tensors; see `utsushi.training.state.state_of`.

    Attributes
    ----------
    kind, format, sha256
        Of the file.
    identity : dict of str to str
        What the training is a function of; ``seed`` is a number below 2⁶⁴.
    epoch : int >= 1
    step : int >= 0
    seconds : float >= 0
    history : list of rows
        One for each epoch before ``epoch``, with the same columns.
    means, best
        Of the epoch under way, and of the best one.
    arithmetic : (str, bool) or None
        The precision and whether it is compiled, where that is settled.
    """

    kind: Literal["checkpoint"]
    format: int
    sha256: str
    identity: dict[str, str]
    epoch: Annotated[Count, Field(ge=1)]
    step: Count
    seconds: Annotated[float, Field(ge=0)]
    history: list[Row]
    means: _Means
    best: _Best
    arithmetic: tuple[str, bool] | None

    @model_validator(mode="after")
    def _check(self) -> Self:
        seed = self.identity.get("seed", "")
        if not (seed.isascii() and seed.isdecimal() and len(seed) <= 20 and int(seed) < 2**64):
            raise ValueError(f"its seed is {seed!r}")
        rows = [dict(pairs) for pairs in self.history]
        # The number first: of an epoch that lies, a list of all before it would fill the memory.
        if len(rows) != self.epoch - 1 or any(
            row.get("epoch") != epoch for epoch, row in enumerate(rows, start=1)
        ):
            raise ValueError(f"its history is not that of the epochs before epoch {self.epoch}")
        if rows and not (
            rows[0].keys() >= _COLUMNS and all(r.keys() == rows[0].keys() for r in rows)
        ):
            raise ValueError("the columns of its history are not those of a training")
        if self.best.epoch >= self.epoch:
            raise ValueError(f"its best epoch, {self.best.epoch}, is not over")
        return self

    @classmethod
    def check(cls, header: Mapping[str, Any]) -> None:
        """Check a header that was read from a file.

        Raises
        ------
        ValidationError
            If it is none of a checkpoint; see `utsushi.validation.first_complaint`.
        """
        cls.model_validate_json(json.dumps(header))  # where a list may stand for a tuple
