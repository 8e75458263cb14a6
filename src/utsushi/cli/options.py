"""The options of the commands: shared ones, those that read a source, and estimators' parameters.

The tables of parameters repeat names and defaults of the constructors, so that ``--help`` imports
no estimator; a test compares them.
"""

from __future__ import annotations

import ast
import functools
import inspect
import math
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.exceptions import SettingError

if TYPE_CHECKING:
    from utsushi.estimators import BaseAutoencoder

__all__ = [
    "AUTOENCODER",
    "DEFAULT_DATA",
    "DENOISING",
    "SEMI_SUPERVISED",
    "SPARSE",
    "TABLE",
    "TRAINED",
    "TUNED",
    "VARIATIONAL",
    "VECTOR_QUANTIZED",
    "AsJson",
    "Data",
    "Everything",
    "Force",
    "Label",
    "Language",
    "NoReport",
    "Out",
    "Parameter",
    "RandomState",
    "RunPath",
    "Seed",
    "Target",
    "as_options",
    "check_kind",
    "column_names",
    "count",
    "evaluation_options",
    "integer",
    "integers",
    "model_of",
    "number",
    "reads",
    "reads_again",
    "takes",
    "takes_none",
]

#: What ``--data`` means when it is left out.
DEFAULT_DATA = "mnist20k"

# --- parsers ------------------------------------------------------------------------------------


def integer(text: str) -> int:
    """Parse an integer."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"must be an integer such as 10, got {text!r}") from None


def count(text: str) -> int:
    """Parse a positive integer."""
    value = integer(text)
    if value < 1:
        raise typer.BadParameter(f"must be a positive integer, got {text!r}")
    return value


def number(text: str) -> float:
    """Parse a number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise typer.BadParameter(f"must be a finite number such as 0.001, got {text!r}")
    return value


def integers(text: str) -> tuple[int, ...]:
    """Parse integers separated by commas, such as "500,250"; an empty text has none."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise typer.BadParameter(
            f"must be integers separated by commas, such as 500,250, got {text!r}"
        ) from None


def truth(text: str) -> bool:
    """Parse "true" or "false"."""
    values = {"true": True, "yes": True, "false": False, "no": False}
    if text.lower() not in values:
        raise typer.BadParameter(f"must be true or false, got {text!r}")
    return values[text.lower()]


def word(text: str) -> str | None:
    """Parse a name; "none" is None."""
    return None if text.lower() == "none" else text


def column_names(text: str) -> list[str]:
    """Parse names separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def kinds(text: str) -> dict[str, str]:
    """Parse kinds of columns, such as "age=category,id=identifier"."""
    pairs = [part.rpartition("=") for part in text.split(",") if part.strip()]
    if not all(name.strip() and kind.strip() for name, _, kind in pairs):
        raise typer.BadParameter(
            f"must be COLUMN=KIND separated by commas, such as age=category, got {text!r}"
        )
    return {name.strip(): kind.strip() for name, _, kind in pairs}


# --- shared options -----------------------------------------------------------------------------

RunPath = Annotated[
    str, typer.Argument(metavar="RUN", help="A run folder, or a model file.", show_default=False)
]
Data = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="A bundled name, a table, an array or IDX file, or a folder of Parquet or images.",
        show_default=False,
    ),
]
Label = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column of a table that holds the labels."),
]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="The column that a classifier predicts, to measure a table model.",
        show_default=False,
    ),
]
Out = Annotated[str, typer.Option(metavar="FILE", help="The file to write.", show_default=False)]
RandomState = Annotated[
    Any, typer.Option(parser=integer, metavar="N", help="The seed; default: a new one each time.")
]

Force = Annotated[bool, typer.Option("--force", help="Replace an existing run.")]
Language = Annotated[
    str, typer.Option("--lang", metavar="en|ja", help="The language of the report.")
]
NoReport = Annotated[
    bool,
    typer.Option(
        "--no-report", help="Write no figures and no report; utsushi report does it later."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, not tables.")]
Everything = Annotated[
    bool, typer.Option("--all", help="Measure also the bound at K = 100, and generated samples.")
]
Seed = Annotated[Any, typer.Option(parser=integer, metavar="N", help="The seed of random choices.")]


def evaluation_options(everything: bool) -> dict[str, Any]:
    """Return the arguments of `utsushi.evaluation.evaluate` for ``--all``."""
    from utsushi.evaluation import GROUPS

    return {"groups": GROUPS, "n_importance_samples": (100,)} if everything else {}


def check_kind(to: str, *kinds: str) -> None:
    """Check the value of ``--to``, before anything is computed."""
    if to not in kinds:
        raise SettingError(f"--to must be {' or '.join(kinds)}, got {to!r}.")


# --- parameters of estimators -------------------------------------------------------------------


def _flag(name: str) -> str:
    return f"--{name}".replace("_", "-")


@dataclass(frozen=True)
class Parameter:
    """Describe a parameter of an estimator as an option of the command line.

    ``recipe__batch_size`` is ``batch_size`` of the ``recipe``; None keeps the recipe's value.
    """

    name: str
    default: Any
    parse: Callable[[str], Any]
    metavar: str
    help: str

    @property
    def setting(self) -> str:
        """The name of the option as ``utsushi compare`` writes it, such as ``batch_size``."""
        outer, _, inner = self.name.partition("__")
        # "strength" alone would be ambiguous.
        return (
            f"{outer}_{inner}"
            if inner == "strength" or (outer == "sparsity" and inner)
            else inner or outer
        )

    @property
    def flag(self) -> str:
        """The name of the option, such as ``--batch-size``."""
        return _flag(self.setting)

    def option(self) -> inspect.Parameter:
        """Return the option as Typer reads it from a signature."""
        text = ",".join(map(str, self.default)) if isinstance(self.default, tuple) else self.default
        option = typer.Option(
            self.flag,
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
    Parameter("network", "dense", str, "dense|conv|resnet", "Layers of encoder and decoder."),
    Parameter("hidden", None, integers, "N,N,…", "Widths of dense layers; default: by the data."),
    Parameter(
        "network__channels",
        None,
        integers,
        "N,N,…",
        "Channels of convolutions; default: by the data.",
    ),
    Parameter(
        "network__activation",
        None,
        word,
        "relu|gelu|silu|elu|tanh",
        "Activation function; default: by network.",
    ),
    Parameter("image_shape", None, integers, "[C,]H,W", "Shape of an image before flattening."),
    Parameter(
        "scaling",
        "center",
        word,
        "center|standard|minmax|unit-length|none",
        "Scaling of the columns.",
    ),
    Parameter("missing", "raise", str, "raise|mask", "How to treat missing values."),
    Parameter("augment", None, word, "affine|binarize|none", "Random augmentation of each batch."),
    Parameter("recipe", "fast", str, "fast|lecture", "Training settings."),
    Parameter("max_epochs", None, integer, "N", "Passes over the data; default: the recipe's."),
    Parameter("recipe__batch_size", None, integer, "N", "Samples per step; default: the recipe's."),
    Parameter(
        "recipe__learning_rate",
        None,
        number,
        "X",
        "Learning rate, or its peak; default: the recipe's.",
    ),
    Parameter(
        "recipe__weight_decay", None, number, "X", "Decoupled weight decay; default: the recipe's."
    ),
    Parameter(
        "recipe__validation_fraction",
        None,
        number,
        "X",
        "Share of samples to hold out; default: none.",
    ),
    Parameter(
        "recipe__early_stopping", None, integer, "N", "Epochs without improvement before stopping."
    ),
    Parameter("random_state", None, integer, "N", "The seed; default: a new one each time."),
    Parameter("device", "auto", str, "auto|cpu|cuda|…", "Where to compute."),
    Parameter(
        "recipe__precision",
        None,
        str,
        "float32|bfloat16",
        "Precision of training; default: float32.",
    ),
    Parameter("verbose", 1, integer, "0|1", "1 shows a progress bar."),
)

_CODES = "The sampler of new codes."

_TEMPERATURE = Parameter(
    "sampler__temperature", None, number, "X", "Of the sampler: below 1, more typical; else 1."
)

_PENALTY = (
    Parameter(
        "penalty",
        None,
        word,
        "sparse|contractive|code-and-weights|decoder-gradient|mmd|adversarial",
        "Penalty added to the error; default: none.",
    ),
    Parameter(
        "penalty__strength",
        None,
        number,
        "X",
        "Weight of the penalty; else 0.1, or by the variance.",
    ),
)

#: Options of ``train ae``.
AUTOENCODER = (
    *_COMMON,
    Parameter(
        "bottleneck",
        "identity",
        str,
        "identity|vector-quantization|residual-vector-quantization|finite-scalar-quantization",
        "Transformation of codes before the decoder.",
    ),
    *_PENALTY,
    Parameter("sampler", "mixture", str, "mixture|gaussian|flow|two-stage|prior", _CODES),
    _TEMPERATURE,
)

#: Options of ``train dae``.
DENOISING = (
    *AUTOENCODER,
    Parameter("corruption", "masking", str, "masking|gaussian|salt-pepper", "Type of corruption."),
    Parameter("corruption_level", 0.3, number, "X", "Its probability, or standard deviation."),
)

#: Options of ``train vq``.
VECTOR_QUANTIZED = (
    *_COMMON,
    Parameter(
        "network__grid",
        None,
        truth,
        "true|false",
        "Codes keep the grid of the last convolution (conv).",
    ),
    Parameter(
        "bottleneck",
        "vector-quantization",
        str,
        "vector-quantization|residual-vector-quantization|finite-scalar-quantization",
        "How codes are quantized.",
    ),
    Parameter("bottleneck__codebook_size", None, integer, "N", "Vectors in a codebook."),
    Parameter("bottleneck__group_size", None, integer, "N", "Components per vector."),
    Parameter("bottleneck__n_levels", None, integer, "N", "Codebooks of residual quantization."),
    Parameter(
        "bottleneck__levels", None, integers, "N,N,…", "Levels of finite scalar quantization."
    ),
    *_PENALTY,
    Parameter("sampler", "autoregressive", str, "autoregressive", _CODES),
    _TEMPERATURE,
)

_LIKELIHOODS = "gaussian|unit-gaussian|bernoulli|continuous-bernoulli"

_PRIORS = "standard-normal|mixture|vamp|flow|hierarchical"

_POSTERIORS = "diagonal-gaussian|full-covariance|inverse-autoregressive-flow|hierarchical"

_OBJECTIVES = (
    "elbo|importance-weighted|partially-importance-weighted|combined-importance-weighted"
    "|beta-tc|factor|dip|info|capacity-annealed|adversarial|ms-ssim"
)

#: Options of ``train vae``.
VARIATIONAL = (
    *_COMMON,
    Parameter("likelihood", "gaussian", str, _LIKELIHOODS, "The distribution p(x|z)."),
    Parameter("prior", "standard-normal", str, _PRIORS, "The distribution p(z)."),
    Parameter("posterior", "diagonal-gaussian", str, _POSTERIORS, "The distribution q(z|x)."),
    Parameter("conditional", False, truth, "true|false", "Condition the decoder on the labels."),
    Parameter("beta", 1.0, number, "X", "Weight of the divergence."),
    Parameter("objective", "elbo", str, _OBJECTIVES, "The training objective."),
    Parameter("objective__strength", None, number, "X", "Weight of its penalty."),
    Parameter(
        "objective__n_samples", None, integer, "N", "Codes per sample; default: 1, weighted 5."
    ),
    Parameter("objective__free_bits", None, number, "X", "Nats per component without cost."),
    Parameter(
        "objective__kl_warmup_epochs", None, number, "X", "Epochs over which beta rises from 0."
    ),
    Parameter("objective__n_estimates", None, integer, "N", "Estimates of the weighted bound."),
    Parameter(
        "objective__gradient",
        None,
        str,
        "standard|doubly-reparameterized",
        "Gradient of the encoder, for weighted bounds.",
    ),
    Parameter("sampler", "mixture", str, "mixture|prior|gaussian|flow|two-stage", _CODES),
    _TEMPERATURE,
)

#: Options that a sparse autoencoder does not have, and its defaults of others.
_NOT_SPARSE = {"hidden", "network__channels", "network__activation"}
_OF_SPARSE = {"n_components": 4096, "network": "dictionary", "scaling": "unit-length"}

#: Options of ``train sparse``.
SPARSE = (
    *(
        replace(parameter, default=_OF_SPARSE.get(parameter.name, parameter.default))
        for parameter in _COMMON
        if parameter.name not in _NOT_SPARSE
    ),
    Parameter(
        "network__tied", None, truth, "true|false", "Use one matrix for encoder and decoder."
    ),
    Parameter(
        "sparsity",
        "topk",
        str,
        "topk|batch-topk|jumprelu|l1",
        "Method that makes the codes sparse.",
    ),
    Parameter("sparsity__k", None, integer, "K", "Active components per sample; default: 32."),
    Parameter("sparsity__strength", None, number, "X", "Strength of l1 and jumprelu."),
    Parameter(
        "matryoshka", False, truth, "true|false", "Also reconstruct from prefixes of the code."
    ),
    Parameter(
        "sparse_output", True, truth, "true|false", "Whether transform returns a sparse matrix."
    ),
)

#: Options of ``train semi``, whose decoder is conditioned on classes and which has one objective.
SEMI_SUPERVISED = (
    *(p for p in VARIATIONAL if p.name != "conditional" and not p.name.startswith("objective")),
    Parameter("classification", 100.0, number, "X", "Weight of the classifier's likelihood."),
    Parameter(
        "labelled_weight",
        None,
        number,
        "X",
        "Weight of a labelled sample; default: by their number.",
    ),
)

#: Options of ``train table``, whose columns decide the network, the likelihood and the objective.
TABLE = (
    Parameter("n_components", None, integer, "N", "Size of the code; default: by the columns."),
    Parameter(
        "kinds",
        None,
        kinds,
        "COLUMN=KIND,…",
        "Kinds of columns: number, truth, category, date, datetime, count, identifier.",
    ),
    Parameter("masking", 1.0, number, "X", "Share of the rows seen in part, from 0 to 1."),
    *(p for p in _COMMON if p.name in ("hidden", "max_epochs", "random_state", "device")),
    *(p for p in _COMMON if p.name.startswith("recipe") or p.name == "verbose"),
    Parameter("sampler", "mixture", str, "mixture|prior|gaussian|flow|two-stage", _CODES),
    _TEMPERATURE,
)

#: Estimator, options and help of each ``train`` command, by name.
TRAINED = {
    "ae": ("Autoencoder", AUTOENCODER, "Train an autoencoder."),
    "dae": ("DenoisingAutoencoder", DENOISING, "Train a denoising autoencoder."),
    "vae": ("VariationalAutoencoder", VARIATIONAL, "Train a variational autoencoder."),
    "semi": (
        "SemiSupervisedVariationalAutoencoder",
        SEMI_SUPERVISED,
        "Train a semi-supervised variational autoencoder; a label of -1 means unlabelled.",
    ),
    "vq": (
        "VectorQuantizedAutoencoder",
        VECTOR_QUANTIZED,
        "Train an autoencoder with discrete codes.",
    ),
    "sparse": ("SparseAutoencoder", SPARSE, "Train a sparse autoencoder."),
    "table": (
        "TableAutoencoder",
        TABLE,
        "Train a model of a table with numbers, categories, dates and gaps.",
    ),
}

#: Models whose settings ``utsushi tune`` searches.
TUNED = {name: entry for name, entry in TRAINED.items() if name != "table"}


def model_of(estimator: str, values: Mapping[str, Any]) -> BaseAutoencoder:
    """Return an estimator by its name, with the values of options by the parameters' names."""
    from utsushi import estimators

    inner = {name: value for name, value in values.items() if "__" in name and value is not None}
    outer = {name: value for name, value in values.items() if "__" not in name}
    model: BaseAutoencoder = getattr(estimators, estimator)(**outer)
    return model.set_params(**inner)


def takes(parameters: Iterable[Parameter]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each parameter; it receives them as a dict ``parameters``."""
    options = {parameter.name: parameter.option() for parameter in parameters}
    return lambda command: _with_options(command, options, "parameters", dict)


def _with_options(
    command: Callable[..., None],
    options: Mapping[str, inspect.Parameter],
    argument: str,
    collect: Callable[..., dict[str, Any]],
) -> Callable[..., None]:
    """Give a command keyword options, which it receives collected in one argument."""

    @functools.wraps(command)
    def wrapper(**arguments: Any) -> None:
        chosen = {name: arguments.pop(name) for name in options}
        command(**arguments, **{argument: collect(**chosen)})

    signature = inspect.signature(command, eval_str=True)
    explicit = [p for name, p in signature.parameters.items() if name != argument]
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in options.values()]
    wrapper.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*explicit, *keyword]
    )
    wrapper.__annotations__ = {}
    return wrapper


# --- how a source is read -----------------------------------------------------------------------


def _reading(
    categorical: Annotated[
        Any,
        typer.Option(
            parser=column_names,
            metavar="COLUMN,…",
            help="Columns of numbers that are categories (tables).",
        ),
    ] = None,
    drop: Annotated[
        Any,
        typer.Option(
            parser=column_names, metavar="COLUMN,…", help="Columns to leave out (tables)."
        ),
    ] = None,
    dates: Annotated[
        Any,
        typer.Option(
            parser=column_names,
            metavar="COLUMN,…",
            help="Columns of dates, read as days since 1970-01-01 (tables).",
        ),
    ] = None,
    handle_unknown: Annotated[
        str | None,
        typer.Option(
            metavar="error|ignore",
            help="How to treat categories that are not in the training data; ignore: zeros.",
            show_default=False,
        ),
    ] = None,
    pixels: Annotated[
        bool | None,
        typer.Option(
            "--pixels/--no-pixels",
            help="Divide integers from 0 to 255 by 255; default: only uint8.",
            show_default=False,
        ),
    ] = None,
    image_size: Annotated[
        Any,
        typer.Option(
            parser=integers, metavar="H,W", help="The size to which images of a folder are resized."
        ),
    ] = None,
    grey: Annotated[bool, typer.Option("--grey", help="Convert images to grey.")] = False,
    rgb: Annotated[bool, typer.Option("--rgb", help="Convert images to RGB.")] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out images that cannot be read.")
    ] = False,
) -> dict[str, Any]:
    """Return the options as keywords of `utsushi.datasets.open`, ready for JSON."""
    if grey and rgb:
        raise SettingError("--grey and --rgb exclude each other. Leave one out.")
    size = None
    if image_size is not None:
        size = list(image_size) * (2 if len(image_size) == 1 else 1)
    color = "grey" if grey else "rgb" if rgb else None
    options = {
        "categorical": categorical,
        "drop": drop,
        "dates": dates,
        "handle_unknown": handle_unknown,
        "pixels": pixels,
        "image_size": size,
        "color": color,
        "skip_bad": skip_bad or None,
    }
    return {name: value for name, value in options.items() if value not in (None, [])}


#: The options of ``_reading`` by name.
_READING = dict(inspect.signature(_reading, eval_str=True).parameters)

#: Options of commands that read samples for a fitted model, which has recorded the others.
_AGAIN = ("drop", "handle_unknown", "pixels", "image_size", "grey", "rgb", "skip_bad")


def reads(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that read a source; it receives them as a dict ``reading``."""
    return _with_options(command, _READING, "reading", _reading)


def reads_again(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that read samples for a fitted model."""
    options = {name: _READING[name] for name in _AGAIN}
    return _with_options(command, options, "reading", _reading)


# --- parameters in messages ---------------------------------------------------------------------

#: The options of models, by parameter: ``recipe__batch_size``, or ``batch_size`` alone, except for
#: ``strength``, which would be ambiguous.
_OF_MODELS = {
    name: parameter.flag
    for _, parameters, _ in TRAINED.values()
    for parameter in parameters
    for name in (parameter.name, parameter.name.rpartition("__")[2])
    if name != "strength"
}

#: The options of all commands, by parameter.
_OF_ANY = {
    name: _flag(name)
    for name in (
        *_READING,
        *("checkpoint_every", "contamination", "lang", "max_false_positive_rate", "scoring"),
        *("storage", "target", "test_fraction", "given"),
    )
}

#: Parameters whose options are flags.
_FLAGS = {"pixels", "skip_bad"}


def takes_none(name: str) -> bool:
    """Return whether the option of a parameter takes the word none."""
    return any(
        name == parameter.name and "none" in parameter.metavar
        for _, parameters, _ in TRAINED.values()
        for parameter in parameters
    )


# Quoted text and calls, which are unchanged; or a name, optionally with a value or a limit.
_MENTIONED = re.compile(
    r"""(?<![\w=])'[^']*'(?!\w)|(?<![\w=])"[^"]*"(?!\w)"""
    r"""|(?:\w+=)?[A-Z]\w*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"""
    r"""|(?<![\w"(./=-])(?P<name>[a-z]+(?:__?[a-z]+)*)"""
    r"""(?:=(?P<value>'[^']*'|"[^"]*"|\((?:'[^']*'|"[^"]*"|[^()'"])*\)|[\w.+…-]*[\w…])"""
    r"""|(?P<limit>[<>])(?=-?[\d.])|(?![\w"=]|[./]\w))"""
)


def as_options(text: str, *, of_models: bool = True) -> str:
    """Replace parameters in a message of the library by the options that set them.

    Parameters
    ----------
    text : str
    of_models : bool, default=True
        Whether the command has options for the parameters of models.

    Examples
    --------
    >>> as_options("n_components must be positive; try beta<4, or hidden=(500, 250)")
    '--n-components must be positive; try --beta below 4, or --hidden 500,250'
    >>> as_options("set recipe__learning_rate=0.003")
    'set --learning-rate 0.003'
    """
    names = _OF_ANY | _OF_MODELS if of_models else _OF_ANY
    return _MENTIONED.sub(lambda mention: _as_option(mention, names), text)


def _as_option(mention: re.Match[str], names: Mapping[str, str]) -> str:
    """Return the option for a mentioned parameter of these names; other text is unchanged."""
    name, value, limit = mention["name"], mention["value"], mention["limit"]
    if name not in names:
        return mention[0]
    option = names[name]
    if value is not None:
        return _with_value(name, option, value)
    if limit is not None:
        return f"{option} {'below' if limit == '<' else 'above'} "
    # A name without an underscore may be a word, except at the start of "beta must be …".
    is_subject = mention.start() == 0 and mention.string.startswith(" must", mention.end())
    return option if "_" in name or is_subject else mention[0]


def _with_value(name: str, option: str, text: str) -> str:
    """Return an option with the value that ``text`` has in Python."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):  # a placeholder, such as (height, width)
        return f"{option} {text.strip('()').replace(' ', '')}"
    if name in _FLAGS:
        return option if value else option.replace("--", "--no-")
    if value is None and not takes_none(name):
        return f"no {option}"
    if isinstance(value, str | tuple):
        items = [value] if isinstance(value, str) else map(str, value)
        return f"{option} {shlex.quote(','.join(items))}"
    return f"{option} {text.lower()}"
