"""Helpers of the notebooks under ``lectures/``: sizes, style, and exercises.

A notebook runs at its full size for a reader, and in seconds where ``UTSUSHI_LECTURE=short`` is
set, as the tests do. Its exercises check themselves, and an answer that is not there yet does not
stop the notebook.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, TypeVar

__all__ = ["VARIABLE", "Exercise", "exercise", "is_short", "size", "use_style"]

#: The environment variable that makes the lectures short.
VARIABLE = "UTSUSHI_LECTURE"

T = TypeVar("T")


def is_short() -> bool:
    """Whether the lectures are to take seconds instead of minutes.

    Returns
    -------
    bool
        True where the environment variable ``UTSUSHI_LECTURE`` is ``short``.

    Examples
    --------
    >>> is_short() == (os.environ.get("UTSUSHI_LECTURE") == "short")
    True
    """
    return os.environ.get(VARIABLE) == "short"


def size(full: T, short: T) -> T:
    """Give the first value to a reader and the second to a test.

    Parameters
    ----------
    full, short : any
        A number of rows, epochs or draws, at the notebook's full size and in its short form.

    Returns
    -------
    any
        One of the two; see `is_short`.

    Examples
    --------
    >>> from unittest import mock
    >>> with mock.patch.dict(os.environ, {VARIABLE: "short"}):
    ...     size(full=16_000, short=500)
    500
    >>> with mock.patch.dict(os.environ, {VARIABLE: ""}):
    ...     size(full=16_000, short=500)
    16000
    """
    return short if is_short() else full


def use_style() -> None:
    """Draw this session's matplotlib charts as `utsushi.figures` draws, with formulas in labels.

    It changes ``matplotlib.rcParams``, which a notebook's author owns; the library itself never
    does.

    Examples
    --------
    >>> import matplotlib
    >>> with matplotlib.rc_context():
    ...     use_style()
    ...     matplotlib.rcParams["axes.spines.top"]
    False
    """
    import matplotlib
    from cycler import cycler

    from utsushi.figures.canvas import ACCENT, CLASSES, GREY, INK, STYLE

    colours = cycler(color=[CLASSES[0], ACCENT, GREY, CLASSES[1], CLASSES[4], INK])
    here: dict[str, Any] = {
        "axes.prop_cycle": colours,
        "figure.constrained_layout.use": True,
        "figure.figsize": (6.4, 3.4),
        "legend.frameon": False,
        "text.parse_math": True,
    }
    settings: Any = matplotlib.rcParams  # its keys are typed as literals
    settings.update({**STYLE, **here})


class Exercise:
    """One exercise's checks, in a ``with`` block that no wrong answer can break.

    Called with a condition and a hint, it notes whether the condition holds. At the end of the
    block it prints one line: that all held, or the hint of the first that did not, or what was
    raised.

    Attributes
    ----------
    title : str
    solved : bool or None
        None before the end of the block.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.solved: bool | None = None
        self._hint: str | None = None

    def __call__(self, condition: object, hint: str) -> None:
        """Check one thing that the answer has to be.

        Parameters
        ----------
        condition : any
            Taken as a truth value.
        hint : str
            What to think of if it does not hold; only the first one is shown.
        """
        if not condition and self._hint is None:
            self._hint = hint

    def __enter__(self) -> Exercise:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        if error is not None and not isinstance(error, Exception):
            return False  # the reader's own interruption
        hint = self._hint
        if hint is None and error is not None:
            hint = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        self.solved = hint is None
        print(f"✓ {self.title}" if self.solved else f"✗ {self.title}: {hint}")  # noqa: T201
        return True


def exercise(title: str) -> Exercise:
    """Open the checks of an exercise.

    Parameters
    ----------
    title : str
        In the language of the notebook.

    Returns
    -------
    Exercise
        To be used in a ``with`` statement, and called there.

    Examples
    --------
    >>> def double(x):
    ...     raise NotImplementedError("your code here")
    >>> with exercise("Exercise 1") as check:
    ...     check(double(2) == 4, "twice two is four")
    ✗ Exercise 1: NotImplementedError: your code here
    >>> double = lambda x: x * x
    >>> with exercise("Exercise 1") as check:
    ...     check(double(2) == 4, "twice two is four")
    ...     check(double(3) == 6, "and twice three is six")
    ✗ Exercise 1: and twice three is six
    >>> double = lambda x: 2 * x
    >>> with exercise("Exercise 1") as check:
    ...     check(double(3) == 6, "twice three is six")
    ✓ Exercise 1
    """
    return Exercise(title)
