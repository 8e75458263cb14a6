"""What the header of a checkpoint may say; a stranger may have written it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["CheckpointHeader"]

#: Whole numbers that a float can hold.
Count = Annotated[int, Field(ge=0, le=2**53)]

#: What a row of the history says besides the terms.
_COLUMNS = {"epoch", "objective", "learning_rate", "seconds"}


class _Strict(BaseModel):
    """No value is taken for one of another type, and no number is infinite."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Means(_Strict):
    """See `utsushi.training.history.Means`."""

    n_rows: Count
    sums: list[tuple[str, float]]


class _Best(_Strict):
    """See `utsushi.training.history.BestSoFar`; 0 and nothing where there is no epoch yet."""

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
    columns : list of str
        Of the history, in the order in which they are shown: the tensor ``history`` has a row for
        each epoch before ``epoch``. None before the first is over.
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
    columns: list[str]
    means: _Means
    best: _Best
    arithmetic: tuple[str, bool] | None

    @model_validator(mode="after")
    def _check(self) -> Self:
        seed = self.identity.get("seed", "")
        if not (seed.isascii() and seed.isdecimal() and len(seed) <= 20 and int(seed) < 2**64):
            raise ValueError(f"its seed is {seed!r}")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("a column of its history is named twice")
        if self.epoch > 1 and not set(self.columns) >= _COLUMNS:
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
            If it is none of a checkpoint; see `utsushi._utils.validation.first_complaint`.
        """
        cls.model_validate_json(json.dumps(header))  # where a list may stand for a tuple
