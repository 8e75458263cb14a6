"""The options for reading a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any, Self

import numpy as np

from utsushi.exceptions import DataError, SettingError
from utsushi.transforms.table_schema import HANDLE_UNKNOWN, TableSchema

__all__ = ["Reading"]

_OF_TABLES = ("label", "categorical", "drop", "dates", "handle_unknown")
_OF_IMAGES = ("image_size", "color", "skip_bad")


@dataclass(frozen=True)
class Reading:
    """Hold the options for reading a source, as `utsushi.datasets.open` documents them.

    ``optional`` names options that are ignored if they do not apply to a source: those of the
    training, when another source is read for its model.
    """

    label: str | None = None
    categorical: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    handle_unknown: str | None = None
    pixels: bool | None = None
    columns: TableSchema | None = None
    image_size: tuple[int, int] | None = None
    color: str | None = None
    skip_bad: bool = False
    optional: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        categorical: Sequence[str] = (),
        drop: Sequence[str] = (),
        dates: Sequence[str] = (),
        handle_unknown: str | None = None,
        image_size: int | Sequence[int] | None = None,
        color: str | None = None,
        **other_options: Any,
    ) -> Self:
        """Validate options, and return them.

        Raises
        ------
        SettingError
            If an option is invalid.

        Examples
        --------
        >>> Reading.of(image_size=28).image_size
        (28, 28)
        """
        if color not in (None, "grey", "rgb"):
            raise SettingError(f"color must be 'grey', 'rgb' or None, got {color!r}.")
        if handle_unknown not in (None, *HANDLE_UNKNOWN):
            raise SettingError(
                f"handle_unknown must be 'error', 'ignore' or None, got {handle_unknown!r}."
            )
        options = {"categorical": categorical, "drop": drop, "dates": dates}
        names = {option: _names(option, columns) for option, columns in options.items()}
        repeated = set(names["categorical"]) & set(names["dates"])
        if repeated:
            raise SettingError(
                f"categorical and dates must name different columns, got {min(repeated)!r} in both."
            )
        return cls(
            categorical=names["categorical"],
            drop=names["drop"],
            dates=names["dates"],
            handle_unknown=handle_unknown,
            image_size=_size(image_size),
            color=color,
            **other_options,
        )

    def refuse_table_options(self, what: str) -> None:
        """Raise `DataError` for an option that only tables have."""
        self._refuse(_OF_TABLES, f"{what} is not a table", "tables and data frames")

    def refuse_image_options(self, what: str) -> None:
        """Raise `DataError` for an option that only folders of images have."""
        self._refuse(_OF_IMAGES, f"{what} is not a folder of images", "folders of images")

    def refuse_number_options(self, what: str) -> None:
        """Raise `DataError` for an option that folders of images do not have."""
        if self.pixels is False:
            self._refuse(("pixels",), f"{what} holds images", "tables and arrays")

    def _refuse(self, names: Sequence[str], what: str, expected: str) -> None:
        defaults = {field.name: field.default for field in fields(self)}
        for name in names:
            value = getattr(self, name)
            if value != defaults[name] and name not in self.optional:
                raise DataError(
                    f"{name} must not be set, as {what}, got {value!r}. It applies to {expected}."
                )


def _names(option: str, names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise SettingError(
            f"{option} must be a sequence of column names, such as ('town',), got {names!r}."
        )
    return tuple(names)


def _size(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    """Return (height, width); one number is both."""
    if size is None:
        return None
    pair = tuple(size) if isinstance(size, Sequence | np.ndarray) else (size, size)
    if len(pair) != 2 or not all(_is_length(n) for n in pair):
        raise SettingError(
            f"image_size must be (height, width), each from 1 to 4096, got {size!r}."
        )
    return int(pair[0]), int(pair[1])


def _is_length(value: Any) -> bool:
    """Return whether a value is a number of pixels."""
    return isinstance(value, Integral) and not isinstance(value, bool) and 0 < int(value) <= 4096
