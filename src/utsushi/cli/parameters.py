"""The estimators' parameters as options, without importing an estimator.

The table below repeats names and defaults so that ``--help`` stays quick; a test holds it against
the constructors.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

__all__ = [
    "AUTOENCODER",
    "DENOISING",
    "TRAINED",
    "VARIATIONAL",
    "Parameter",
    "count",
    "integer",
    "integers",
    "number",
    "takes",
]


def integer(text: str) -> int:
    """Parse an integer."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r}, expected an integer such as 10") from None


def count(text: str) -> int:
    """Parse how many there are to be."""
    value = integer(text)
    if value < 1:
        raise typer.BadParameter(f"{text!r}, expected an integer from 1 on")
    return value


def number(text: str) -> float:
    """Parse a number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise typer.BadParameter(f"{text!r}, expected a finite number such as 0.001")
    return value


def integers(text: str) -> tuple[int, ...]:
    """Parse integers with commas between, such as "500,250"; an empty text is no integer."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise typer.BadParameter(
            f"{text!r}, expected integers with commas between, such as 500,250"
        ) from None


def truth(text: str) -> bool:
    """Parse "true" or "false"."""
    values = {"true": True, "yes": True, "false": False, "no": False}
    if text.lower() not in values:
        raise typer.BadParameter(f"{text!r}, expected true or false")
    return values[text.lower()]


def word(text: str) -> str | None:
    """Parse a name; "none" stands for None."""
    return None if text.lower() == "none" else text


@dataclass(frozen=True)
class Parameter:
    """One parameter of an estimator as an option of the command line."""

    name: str
    default: Any
    parse: Callable[[str], Any]
    metavar: str
    help: str

    def option(self) -> inspect.Parameter:
        """Return the option as Typer reads it from a signature."""
        text = ",".join(map(str, self.default)) if isinstance(self.default, tuple) else self.default
        option = typer.Option(
            "--" + self.name.replace("_", "-"),
            parser=self.parse,
            metavar=self.metavar,
            help=self.help,
            show_default=text is not None,
        )
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None if text is None else str(text),
            annotation=Annotated[Any, option],
        )


_COMMON = (
    Parameter("n_components", 10, integer, "N", "Size of the code."),
    Parameter("network", "dense", str, "dense|conv", "What encoder and decoder are made of."),
    Parameter("hidden", None, integers, "N,N,…", "Widths of dense layers; else by the data."),
    Parameter("channels", None, integers, "N,N,…", "Channels of convolutions; else by the data."),
    Parameter(
        "activation", None, word, "relu|gelu|silu|elu|tanh", "Nonlinearity; else by network."
    ),
    Parameter("image_shape", None, integers, "[C,]H,W", "What a row was flattened from."),
    Parameter("scaling", "center", word, "center|standard|minmax|none", "What is done to columns."),
    Parameter("missing", "refuse", str, "refuse|mask", "What is done about missing values."),
    Parameter("augment", None, word, "affine|binarize|none", "What is done anew to each batch."),
    Parameter("recipe", "fast", str, "fast|lecture", "How to train."),
    Parameter("max_epochs", None, integer, "N", "Passes over the rows; else the recipe's."),
    Parameter("batch_size", None, integer, "N", "Rows per step; else the recipe's."),
    Parameter("learning_rate", None, number, "X", "Rate or peak of it; else the recipe's."),
    Parameter("weight_decay", None, number, "X", "Decoupled decay; else the recipe's."),
    Parameter("validation_fraction", 0.0, number, "X", "Part of the rows to hold out."),
    Parameter("early_stopping", None, integer, "N", "Epochs to wait for a better one."),
    Parameter("random_state", None, integer, "N", "The seed; else a new one each time."),
    Parameter("device", "auto", str, "auto|cpu|cuda|…", "Where to compute."),
    Parameter("precision", "float32", str, "float32|bfloat16|auto", "Of the training's products."),
    Parameter("verbose", 1, integer, "0|1", "1 shows a progress bar."),
)

_CODES = "Where new codes come from."

#: Options of ``train ae``.
AUTOENCODER = (
    *_COMMON,
    Parameter("regularizer", None, word, "NAME", "sparse, contractive or code-and-weights."),
    Parameter("regularization", 0.0, number, "X", "Its strength."),
    Parameter("sampler", "mixture", str, "mixture|gaussian|flow|two-stage", _CODES),
)

#: Options of ``train dae``.
DENOISING = (
    *AUTOENCODER,
    Parameter("corruption", "masking", str, "masking|gaussian|salt-pepper", "The damage."),
    Parameter("corruption_level", 0.3, number, "X", "Its probability, or deviation."),
)

_LIKELIHOODS = "gaussian|unit-gaussian|bernoulli|continuous-bernoulli"

#: Options of ``train vae``.
VARIATIONAL = (
    *_COMMON,
    Parameter("likelihood", "gaussian", str, _LIKELIHOODS, "What p(x|z) is."),
    Parameter("conditional", False, truth, "true|false", "Tell the decoder the labels."),
    Parameter("beta", 1.0, number, "X", "Weight of the divergence."),
    Parameter("kl_warmup_epochs", 0, number, "X", "Epochs over which that weight rises."),
    Parameter("free_bits", 0.0, number, "X", "Nats per component that cost nothing."),
    Parameter("n_samples", 1, integer, "N", "Estimates of the bound per row and step."),
    Parameter("n_importance_samples", 1, integer, "N", "Codes drawn for each estimate."),
    Parameter(
        "importance_gradient",
        "standard",
        str,
        "standard|doubly-reparameterized",
        "The encoder's, with several of them.",
    ),
    Parameter("sampler", "mixture", str, "mixture|prior|gaussian|flow|two-stage", _CODES),
)


#: What is trained by name: the estimator, its options, and what the help says of the command.
TRAINED = {
    "ae": ("Autoencoder", AUTOENCODER, "Train an autoencoder."),
    "dae": ("DenoisingAutoencoder", DENOISING, "Train a denoising autoencoder."),
    "vae": ("VariationalAutoencoder", VARIATIONAL, "Train a variational autoencoder."),
}


def takes(parameters: Iterable[Parameter]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each parameter; it gets them as one dict, ``parameters``.

    Parameters
    ----------
    parameters : iterable of Parameter

    Returns
    -------
    callable
        A decorator.
    """
    options = {parameter.name: parameter for parameter in parameters}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapper(**arguments: Any) -> None:
            chosen = {name: arguments.pop(name) for name in options}
            command(**arguments, parameters=chosen)

        signature = inspect.signature(command, eval_str=True)
        own = [p for name, p in signature.parameters.items() if name != "parameters"]
        wrapper.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*own, *(parameter.option() for parameter in options.values())]
        )
        wrapper.__annotations__ = {}
        return wrapper

    return decorate
