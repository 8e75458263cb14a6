"""How a source is to be read, as options of several commands."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from utsushi.cli.parameters import integers
from utsushi.exceptions import SettingError

__all__ = ["reads"]


def _names(text: str) -> list[str]:
    """Parse names with commas between."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _options(
    categorical: Annotated[
        Any,
        typer.Option(
            parser=_names, metavar="COLUMN,…", help="Categories that look like numbers (tables)."
        ),
    ] = None,
    drop: Annotated[
        Any, typer.Option(parser=_names, metavar="COLUMN,…", help="Columns to leave out (tables).")
    ] = None,
    image_size: Annotated[
        Any,
        typer.Option(parser=integers, metavar="H,W", help="What images of a folder are fitted to."),
    ] = None,
    grey: Annotated[bool, typer.Option("--grey", help="Make images grey.")] = False,
    rgb: Annotated[bool, typer.Option("--rgb", help="Make images RGB.")] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out images that cannot be read.")
    ] = False,
) -> dict[str, Any]:
    """Return what was said, as `utsushi.datasets.open` takes it and JSON can hold it."""
    if grey and rgb:
        raise SettingError("--grey and --rgb, expected one of them; leave one out")
    size = None
    if image_size is not None:
        size = list(image_size) * (2 if len(image_size) == 1 else 1)
    color = "grey" if grey else "rgb" if rgb else None
    said = {"categorical": categorical, "drop": drop, "image_size": size, "color": color}
    if skip_bad:
        said["skip_bad"] = True
    return {name: value for name, value in said.items() if value}


def reads(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options; it gets what was said of them as one dict, ``reading``."""
    options = inspect.signature(_options, eval_str=True).parameters

    @functools.wraps(command)
    def wrapper(**arguments: Any) -> None:
        chosen = {name: arguments.pop(name) for name in options}
        command(**arguments, reading=_options(**chosen))

    signature = inspect.signature(command, eval_str=True)
    own = [p for name, p in signature.parameters.items() if name != "reading"]
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in options.values()]
    own_first = [p for p in own if p.name != "parameters"]
    last = [p for p in own if p.name == "parameters"]
    wrapper.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*own_first, *keyword, *last]
    )
    wrapper.__annotations__ = {}
    return wrapper
