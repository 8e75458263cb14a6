"""Helpers of the notebooks under ``lectures/``: sizes, style, and exercises.

A notebook runs at full size by default, and in seconds with ``UTSUSHI_LECTURE=short``, which the
tests set. Its exercises check themselves, and a missing answer does not stop the notebook.
"""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["VARIABLE", "Exercise", "Slider", "exercise", "is_short", "size", "slider", "use_style"]

#: The environment variable that makes the lectures short.
VARIABLE = "UTSUSHI_LECTURE"

T = TypeVar("T")


def is_short() -> bool:
    """Return whether the lectures run in seconds instead of minutes.

    Returns
    -------
    bool
        True if the environment variable ``UTSUSHI_LECTURE`` is ``short``.

    Examples
    --------
    >>> is_short() == (os.environ.get("UTSUSHI_LECTURE") == "short")
    True
    """
    return os.environ.get(VARIABLE) == "short"


def size(full: T, short: T) -> T:
    """Return the first value at full size, and the second if `is_short`.

    Parameters
    ----------
    full, short : any
        A number of samples, epochs or draws, for the full and for the short notebook.

    Returns
    -------
    any
        One of the two values.

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
    """Set matplotlib to the style of `utsushi.figures`, with formulas in labels.

    It changes ``matplotlib.rcParams``, for notebooks only; the library itself never does.

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
    overrides: dict[str, Any] = {
        "axes.prop_cycle": colours,
        "figure.constrained_layout.use": True,
        "figure.figsize": (6.4, 3.4),
        "legend.frameon": False,
        "text.parse_math": True,
    }
    settings: Any = matplotlib.rcParams  # its keys are typed as literals
    settings.update({**STYLE, **overrides})


#: Shows the picture of the slider's position and its label.
_SHOW = (
    "for (const p of this.parentNode.querySelectorAll('figure')) "
    "p.hidden = p.dataset.position !== this.value"
)


class Slider:
    """Show one picture of several in a notebook, chosen by a slider below it.

    Attributes
    ----------
    pictures : list of (str, bytes)
        The labels and the PNG files. All are part of the cell's output, which needs neither a
        kernel nor a network.
    """

    def __init__(self, pictures: Iterable[tuple[str, bytes]]) -> None:
        self.pictures = list(pictures)

    def _repr_html_(self) -> str:
        """Return the pictures, of which the first is visible, and the slider."""
        figures = "".join(
            f'<figure data-position="{i}"{" hidden" if i else ""} style="margin: 0">'
            f'<img alt="{html.escape(label)}" style="max-width: 100%" '
            f'src="data:image/png;base64,{base64.b64encode(png).decode()}">'
            f"<figcaption>{html.escape(label)}</figcaption></figure>"
            for i, (label, png) in enumerate(self.pictures)
        )
        return (
            f'<div>{figures}<input type="range" min="0" max="{len(self.pictures) - 1}" value="0" '
            f'oninput="{html.escape(_SHOW)}" style="width: 100%; max-width: 24em"></div>'
        )

    def _repr_png_(self) -> bytes:
        """Return at most six of the pictures side by side, for pages without a slider."""
        from PIL import Image

        n_columns, last = 3, len(self.pictures) - 1
        chosen = sorted({round(i * last / 5) for i in range(6)})
        tiles = [Image.open(io.BytesIO(self.pictures[i][1])) for i in chosen]
        width, height = (max(sizes) for sizes in zip(*(tile.size for tile in tiles), strict=True))
        n_rows = -(-len(tiles) // n_columns)
        whole = Image.new("RGB", (width * min(n_columns, len(tiles)), height * n_rows), "white")
        for i, tile in enumerate(tiles):
            whole.paste(tile, (width * (i % n_columns), height * (i // n_columns)))
        stream = io.BytesIO()
        whole.save(stream, "PNG")
        return stream.getvalue()


def slider(draw: Callable[[T], Figure], values: Iterable[T], label: str) -> Slider:
    """Draw a figure for each value, and return them as one that a slider changes.

    Parameters
    ----------
    draw : callable
        Takes a value and returns a matplotlib figure, which is closed.
    values : iterable
        The positions of the slider, from left to right.
    label : str
        A format of the value, such as ``"z = {:.1f}"``.

    Returns
    -------
    Slider
        The last expression of a cell shows it.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> def draw(height):
    ...     figure, axes = plt.subplots(figsize=(1, 1))
    ...     _ = axes.axhline(height)
    ...     return figure
    >>> [label for label, _ in slider(draw, [0.5, 1.0], "height {:.1f}").pictures]
    ['height 0.5', 'height 1.0']
    """
    import matplotlib.pyplot as plt

    from utsushi.figures.canvas import to_png

    pictures = []
    for value in values:
        figure = draw(value)
        pictures.append((label.format(value), to_png(figure, dpi=75)))
        plt.close(figure)
    return Slider(pictures)


class Exercise:
    """Check the answer of an exercise, in a ``with`` block that catches all errors.

    Call it with a condition and a hint. At the end of the block it prints one line: that all
    conditions hold, or the hint of the first one that does not, or the error.

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
        """Check a condition on the answer.

        Parameters
        ----------
        condition : any
            Interpreted as a truth value.
        hint : str
            Help for an answer that does not satisfy it; only the first hint is shown.
        """
        if not condition and self._hint is None:
            self._hint = hint

    def __enter__(self) -> Exercise:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        if error is not None and not isinstance(error, Exception):
            return False  # such as KeyboardInterrupt
        hint = self._hint
        if hint is None and error is not None:
            hint = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        self.solved = hint is None
        print(f"✓ {self.title}" if self.solved else f"✗ {self.title}: {hint}")  # noqa: T201
        return True


def exercise(title: str) -> Exercise:
    """Return the checks of an exercise.

    Parameters
    ----------
    title : str
        The title, in the language of the notebook.

    Returns
    -------
    Exercise
        Use it in a ``with`` statement, and call it in the block.

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
