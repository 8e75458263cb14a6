"""Shared by all figures: colours, font sizes, validation of input, and PNG output."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utsushi.exceptions import DataError, NonFiniteDataError, UtsushiWarning

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "ACCENT",
    "CLASSES",
    "DPI",
    "GREY",
    "INK",
    "PALE",
    "SMALL",
    "STYLE",
    "TALLEST",
    "TEXT",
    "finite_array",
    "new_axes",
    "new_grid",
    "new_panels",
    "settled",
    "shortened",
    "styled",
    "to_png",
]

INK, ACCENT, GREY, PALE = "#26241f", "#b5391f", "#6f6b64", "#d9d5cd"

#: Petroff's ten colours, distinguishable with any colour vision (arXiv:2107.02270).
CLASSES = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)

TEXT, SMALL = 11.0, 9.5  # points
DPI = 150  # of a PNG file
TALLEST = 2**16 // DPI - 1  # inches of the largest picture, which more panels than fit share
_WIDTH = 6.4  # inches; on a page, the text then has the size of the page's text

#: Fonts for letters that matplotlib's own font does not have, used if installed: names of columns
#: and classes may be in any script.
FALLBACK_FONTS = (
    *("Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic", "IPAexGothic"),
    *("Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "Apple SD Gothic Neo", "Malgun Gothic"),
)

#: matplotlib settings of all figures.
STYLE: dict[str, Any] = {
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "axes.labelpad": 8.0,
    "axes.labelsize": TEXT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 12.0,
    "axes.titlesize": TEXT,
    "font.size": TEXT,
    "lines.linewidth": 2.0,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a label is a dollar sign
    "xtick.color": PALE,
    "xtick.labelcolor": GREY,
    "xtick.labelsize": SMALL,
    "ytick.color": PALE,
    "ytick.labelcolor": GREY,
    "ytick.labelsize": SMALL,
}


@contextmanager
def styled() -> Iterator[None]:
    """Use the settings of this module instead of the user's within the context."""
    import matplotlib.style
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    fonts = ["DejaVu Sans", *(name for name in FALLBACK_FONTS if name in installed)]
    with (
        matplotlib.style.context({**STYLE, "font.family": fonts}, after_reset=True),
        warnings.catch_warnings(),
    ):
        # matplotlib would warn for each letter and each draw; `to_png` warns once.
        warnings.filterwarnings("ignore", message="Glyph ", category=UserWarning)
        yield


def _warn_of_missing_letters(figure: Figure) -> None:
    """Warn of letters of a figure that no installed font has."""
    import matplotlib
    from matplotlib.font_manager import findfont, get_font
    from matplotlib.text import Text

    fonts = [get_font(findfont(name)) for name in matplotlib.rcParams["font.family"]]
    letters = {letter for text in figure.findobj(Text) for letter in text.get_text()}
    missing = [
        letter
        for letter in sorted(letters)
        if letter.isprintable() and not any(font.get_char_index(ord(letter)) for font in fonts)
    ]
    if missing:
        warnings.warn(
            f"no installed font has {''.join(missing[:20])!r}: these letters are drawn as boxes. "
            "Install a font such as Noto Sans CJK, and delete the list of fonts in the folder that "
            "matplotlib.get_cachedir() returns.",
            UtsushiWarning,
            stacklevel=4,
        )


def new_axes(height: float) -> tuple[Figure, Axes]:
    """Return an empty figure of the common width and its one set of axes."""
    figure, (axes,) = new_panels(1, height)
    return figure, axes


def new_panels(n: int, height: float) -> tuple[Figure, list[Axes]]:
    """Return an empty figure of the common width with n panels above each other."""
    figure = _empty(height)
    panels = figure.subplots(n, 1, sharex=True, squeeze=False)
    return figure, list(panels[:, 0])


def new_grid(n: int, n_columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """Return an empty figure of the common width with a grid of n panels.

    Each row is ``height`` inches high, or less if the picture would be too tall for a PNG file.
    """
    n_rows = -(-n // n_columns)
    figure = _empty(min(n_rows * height + 0.4, TALLEST))
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for unused in panels[n:]:
        unused.remove()
    return figure, panels[:n]


def _empty(height: float) -> Figure:
    """Return an empty figure of the common width and some height in inches."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)  # inches
    return Figure(figsize=(_WIDTH, height), dpi=DPI, layout=layout)


def shortened(name: str, longest: int) -> str:
    """Return a name, cut if it has too many characters.

    Examples
    --------
    >>> shortened("sepal length (cm)", 10)
    'sepal len…'
    """
    return name if len(name) <= longest else name[: longest - 1] + "…"


def settled(figure: Figure) -> Figure:
    """Fix the layout of a figure: otherwise each drawing would move its parts a little."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def finite_array(values: ArrayLike, name: str, *, n_axes: int) -> NDArray[np.float64]:
    """Return ``values`` as a non-empty, finite float64 array with ``n_axes`` axes.

    Raises
    ------
    DataError
        If the array is empty, or has another number of axes.
    NonFiniteDataError
        If there is NaN or infinity; the message names the first index.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != n_axes or array.size == 0:
        raise DataError(
            f"{name} must have {n_axes} axes and at least one entry, got the shape {array.shape}."
        )
    if not np.isfinite(array).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise NonFiniteDataError(
            f"{name} must be finite, got {array[index]} at {index}. Remove or replace it."
        )
    return array


@styled()
def to_png(figure: Figure, *, dpi: int = DPI) -> bytes:
    """Return a figure as the bytes of a PNG file; the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
        Any figure, not only of this package.
    dpi : int, default=150
        Pixels per inch. At a multiple of 150, all pixels of an image have the same size.

    Returns
    -------
    bytes
        The file, without metadata such as a date or a program.

    Examples
    --------
    >>> from utsushi.figures import image_grid
    >>> to_png(image_grid(np.eye(64), (8, 8)))[1:4]
    b'PNG'
    """
    _warn_of_missing_letters(figure)
    stream = io.BytesIO()
    # The version of matplotlib in the metadata would change the bytes of an equal picture.
    figure.savefig(stream, format="png", dpi=dpi, metadata={"Software": None})
    return stream.getvalue()
