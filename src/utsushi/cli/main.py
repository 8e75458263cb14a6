"""The program: its commands and error messages."""

from __future__ import annotations

import functools
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer
import typer.core

import utsushi
from utsushi.cli import (
    compare,
    data,
    detect,
    encode,
    evaluate,
    export,
    generate,
    impute,
    lecture,
    reconstruct,
    report,
    train,
    tune,
)
from utsushi.cli.options import as_options, takes_none
from utsushi.exceptions import DownloadError, TrainingDivergedError, UtsushiError

__all__ = ["app", "main"]


class _InOrder(typer.core.TyperGroup):
    """List the commands in the usual order of use."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names; Typer would put the groups last."""
        return [
            "lecture",
            "data",
            "train",
            "tune",
            "evaluate",
            "report",
            "compare",
            "reconstruct",
            "impute",
            "generate",
            "encode",
            "detect",
            "export",
        ]


# Plain help: rich's boxes would take a third of the start-up time.
app = typer.Typer(
    name="utsushi",
    cls=_InOrder,
    help="Train, evaluate and use autoencoders.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("lecture")(lecture.lecture)
app.add_typer(train.app, name="train")
app.add_typer(tune.app, name="tune")
app.command("evaluate")(evaluate.evaluate)
app.command("report")(report.report)
app.command("compare")(compare.compare)
app.command("reconstruct")(reconstruct.reconstruct)
app.command("impute")(impute.impute)
app.command("generate")(generate.generate)
app.command("encode")(encode.encode)
app.command("detect")(detect.detect)
app.command("export")(export.export)
app.add_typer(data.app, name="data")


def _print_version(is_set: bool) -> None:
    if is_set:
        typer.echo(utsushi.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    """Train, evaluate and use autoencoders."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit: 0 success, 1 failure, 2 invalid input."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    warnings.showwarning = functools.partial(_show_warning, words)
    sys.exit(run(words))


def _show_warning(
    words: Sequence[str], message: Warning | str, category: type[Warning], *_: object, **__: object
) -> None:
    """Print a warning as one line, without the line of code that Python would add."""
    typer.echo(f"utsushi: {category.__name__}: {_in_one_line(str(message), words)}", err=True)


def _in_one_line(text: str, words: Sequence[str]) -> str:
    """Return a message of the library in one line, with options for its parameters."""
    # `compare` takes the parameters of a model as name=value.
    return as_options(" ".join(text.split()), of_models="compare" not in words[:1])


def run(words: Sequence[str]) -> int:
    """Run the program and return its exit status; an error is one line on stderr."""
    command = typer.main.get_command(app)
    try:
        status = command.main(list(words), prog_name="utsushi", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        explanation = _explain(error)
        if explanation is None:  # A bug, which needs its traceback.
            raise
        text, status = explanation
        # Only the help of a call without arguments has more than one line.
        line = text if text.startswith("Usage:") else f"utsushi: {_in_one_line(text, words)}"
        typer.echo(line, err=True)
    return int(status or 0)


def _explain(error: BaseException) -> tuple[str, int] | None:
    """Return the message and the exit status of an error; None for an unexpected one."""
    match error:
        case typer.Abort() | KeyboardInterrupt():
            text, status = "stopped", 1
        case typer.TyperException():
            text, status = _usage(error), 2
        case TrainingDivergedError() | DownloadError():
            text, status = str(error), 1
        case UtsushiError():
            text, status = str(error), 2
        case BrokenPipeError():
            text, status = "the reader of the output has closed it.", 1
        case OSError():
            text, status = _os_error(error), 1
        # scikit-learn's error of a parameter; the class cannot be named without importing it.
        case ValueError() if type(error).__name__ == "InvalidParameterError":
            text, status = _parameter_error(str(error)), 2
        case MemoryError():
            text, status = "not enough memory for so many samples. Use fewer.", 1
        case _:
            return None
    return text, status


def _usage(error: typer.TyperException) -> str:
    """Return the message of a usage error; a call without arguments gets the help."""
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    if text.startswith("Usage:"):
        return text
    context = getattr(error, "ctx", None)
    if text.startswith("No such command") and "Did you mean" not in text and context:
        names = context.command.list_commands(context)
        text = f"{text.rstrip('.')}. The commands are {', '.join(names)}"
    command = context.command_path if context else "utsushi"
    # "--worst must be …" in place of click's "Invalid value for '--worst': must be …"
    text = re.sub(r"^Invalid value for '(\S+)'(?: / '\S+')*: (?=must )", r"\1 ", text)
    return f"{text.removeprefix('Invalid value: ').rstrip('.')}. See '{command} --help'."


def _parameter_error(text: str) -> str:
    """Return scikit-learn's message on a parameter, without values that no option can have."""
    text = re.sub(r"^The '(\w+)' parameter of \w+", r"\1", text)
    text = re.sub(r"(?:, or|,| or) (?:an instance of '[\w.]+'|a callable)", "", text)
    text = re.sub(r"a str among \{(.*?)\}", r"one of \1", text)
    text = re.sub(r"\. Got (.*) instead\.?$", r", got \1", text)
    name = text.partition(" ")[0]
    text = re.sub(r" or None(?=, got)", " or none" if takes_none(name) else "", text)
    return f"{text}. See the command's --help."


def _os_error(error: OSError) -> str:
    """Return the message of the operating system, with its file."""
    reason = error.strerror or str(error)
    if error.filename is None:
        return f"{reason}. Check the disk and the path."
    return f"{str(error.filename)!r}: {reason}. Check the path, its permissions and the disk."
