"""How a source is to be read, where it can be read in several ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any, Self

import numpy as np

from utsushi.exceptions import DataError, SettingError
from utsushi.transforms.table_schema import HANDLE_UNKNOWN, Columns

__all__ = ["Reading"]

_OF_TABLES = ("label", "categorical", "drop", "dates", "handle_unknown")
_OF_IMAGES = ("image_size", "color", "skip_bad")


@dataclass(frozen=True)
class Reading:
    """What a caller says of a source.

    Attributes
    ----------
    label : str or None
        Of a table, the column that holds the labels.
    categorical : tuple of str
        Its columns that are categories though they hold whole numbers, or numbers and texts.
    drop : tuple of str
        Its columns to leave out.
    dates : tuple of str
        Its columns that hold dates, which become days since 1970-01-01.
    handle_unknown : {"error", "ignore"} or None
        What to do about a category that is none of ``columns``; None is what they say themselves.
    pixels : bool or None
        Whether whole numbers from 0 to 255 are pixels, which are divided by 255; None is those of
        type uint8.
    columns : Columns or None
        What its columns are, where that is known: those of a fitted model.
    image_size : (height, width) or None
        What images are brought to.
    color : {"grey", "rgb"} or None
        What they are made; None is grey where all are.
    skip_bad : bool
        Leave images out that cannot be read.
    optional : tuple of str
        The names of options that are ignored where they do not apply: those of the training, when
        another source is read for its model.
    """

    label: str | None = None
    categorical: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    handle_unknown: str | None = None
    pixels: bool | None = None
    columns: Columns | None = None
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
        **others: Any,
    ) -> Self:
        """Return what was said, checked.

        Raises
        ------
        SettingError
            If an option is not what it may be.

        Examples
        --------
        >>> Reading.of(image_size=28).image_size
        (28, 28)
        """
        if color not in (None, "grey", "rgb"):
            raise SettingError(f"color must be 'grey', 'rgb' or None, got {color!r}")
        if handle_unknown not in (None, *HANDLE_UNKNOWN):
            raise SettingError(
                f"handle_unknown must be 'error', 'ignore' or None, got {handle_unknown!r}"
            )
        options = {"categorical": categorical, "drop": drop, "dates": dates}
        names = {option: _names(option, columns) for option, columns in options.items()}
        both = set(names["categorical"]) & set(names["dates"])
        if both:
            raise SettingError(
                f"categorical and dates must name different columns, both have {min(both)!r}"
            )
        return cls(
            categorical=names["categorical"],
            drop=names["drop"],
            dates=names["dates"],
            handle_unknown=handle_unknown,
            image_size=_size(image_size),
            color=color,
            **others,
        )

    def refuse_table_options(self, what: str) -> None:
        """Refuse what can only be said of tables."""
        self._refuse(_OF_TABLES, f"{what} is no table", "a .csv or .parquet file or a data frame")

    def refuse_image_options(self, what: str) -> None:
        """Refuse what can only be said of folders of images."""
        self._refuse(_OF_IMAGES, f"{what} is no folder of images", "one")

    def refuse_number_options(self, what: str) -> None:
        """Refuse what cannot be said of folders of images."""
        if self.pixels is False:
            self._refuse(
                ("pixels",), f"{what} holds images, which are pixels", "a table or an array"
            )

    def _refuse(self, names: Sequence[str], what: str, expected: str) -> None:
        defaults = {field.name: field.default for field in fields(self)}
        for name in names:
            value = getattr(self, name)
            if value != defaults[name] and name not in self.optional:
                raise DataError(f"{name}={value!r}, but {what}: expected {expected}; leave it out")


def _names(option: str, names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise SettingError(f"{option}={names!r}, expected names of columns, such as ('town',)")
    return tuple(names)


def _size(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    """Return (height, width); one number is both."""
    if size is None:
        return None
    pair = tuple(size) if isinstance(size, Sequence | np.ndarray) else (size, size)
    if len(pair) != 2 or not all(_is_length(n) for n in pair):
        raise SettingError(f"image_size={size!r}, expected (height, width) in 1 to 4096")
    return int(pair[0]), int(pair[1])


def _is_length(value: Any) -> bool:
    """Tell whether a value is a number of pixels; a truth value is none."""
    return isinstance(value, Integral) and not isinstance(value, bool) and 0 < int(value) <= 4096
