r"""Likelihoods with a distribution for each column, and those of counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from utsushi._utils.lazy_rows import AnyRows, row_blocks
from utsushi.distributions.likelihoods.base import Likelihood
from utsushi.distributions.likelihoods.families import FAMILIES, Family, GaussianFamily
from utsushi.exceptions import DataError, SettingError

__all__ = ["Mixed", "NegativeBinomial", "Poisson", "ZeroInflatedNegativeBinomial"]

#: The distribution of a column of a table schema, by its kind.
_OF_KINDS = {"category": "categorical", "truth": "bernoulli"}


class Mixed(Likelihood):
    r"""A distribution for each column: :math:`\log p(x \mid z) = \sum_c \log p_c(x_c \mid z)`.

    Numbers are Gaussian, each with its own :math:`\sigma` in scaled units; all other features
    keep their units, whatever ``scaling`` is. Parameters that all samples share (the
    :math:`\sigma` of numbers, the dispersion of counts) are weights of the decoder's last layer.

    Parameters
    ----------
    families : sequence of (str, int), or None, default=None
        For each column the name of its distribution and its number of features: ``"gaussian"``,
        ``"bernoulli"``, ``"categorical"`` (one-hot), ``"poisson"``, ``"negative-binomial"``,
        ``"zero-inflated"`` (negative binomial), or ``"input"`` for features that only the encoder
        sees. None takes them from the table schema, the ``columns`` of `fit`: categories are
        categorical, truth values Bernoulli, all else Gaussian.
    groups : sequence of int, or None, default=None
        Columns of equal numbers are hidden from the encoder together where training hides some:
        see ``masking`` of `utsushi.objectives.ELBO`. None hides each on its own.

    Examples
    --------
    >>> likelihood = Mixed((("gaussian", 1), ("categorical", 3)))
    >>> head = likelihood.build_head(4)
    >>> output = head(torch.zeros(1, 4))  # means and logits, and a logarithm of sigma
    >>> output.shape
    torch.Size([1, 5])
    >>> x = torch.tensor([[0.0, 0.0, 1.0, 0.0]])
    >>> likelihood.log_prob(x, output)  # -log(2 pi) / 2 - log 3
    tensor([-2.0176], grad_fn=<SumBackward1>)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "families": ["array-like", None],
        "groups": ["array-like", None],
    }

    def __init__(
        self,
        families: Sequence[tuple[str, int]] | None = None,
        groups: Sequence[int] | None = None,
    ) -> None:
        self.families = families
        self.groups = groups

    def for_columns(self, columns: Any, n_features: int) -> Self:
        """Return the likelihood with a distribution for each column of data of that width.

        Parameters
        ----------
        columns : TableSchema or None
        n_features : int
        """
        if self.families is None:
            if columns is None:
                raise SettingError(
                    "likelihood='mixed' must be used with a table schema, got none. Call "
                    "fit(data.X_train, columns=data.columns), or use TableAutoencoder."
                )
            families = tuple((_OF_KINDS.get(c.kind, "gaussian"), c.width) for c in columns.columns)
            return type(self)(families, self.groups)
        unknown = [name for name, _ in self.families if name not in FAMILIES]
        if unknown:
            raise SettingError(f"families must be among {list(FAMILIES)}, got {unknown[0]!r}.")
        n_described = sum(int(width) for _, width in self.families)
        if n_described != n_features:
            raise SettingError(
                f"families must describe {n_features} features, as X has, got {n_described}."
            )
        return self

    # --- the layout of features -----------------------------------------------------------------

    def _columns(self, n_features: int) -> list[tuple[str, int]]:
        """Return the distribution and the number of features of each column."""
        return [(str(name), int(width)) for name, width in self.families or ()]

    def _layout(self, n_features: int) -> _Layout:
        layout: _Layout | None = self.__dict__.get("_of_features")
        if layout is None or layout.n_features != n_features:
            layout = _Layout(self._columns(n_features))
            self._of_features = layout
        return layout

    def is_scaled(self, n_features: int) -> NDArray[np.bool_]:
        """Return which features are scaled; all others keep their units."""
        return self._layout(n_features).is_scaled

    def is_logit(self, n_features: int, family: str | None = None) -> NDArray[np.bool_]:
        """Return which features have logits: those of categories and of truth values, or one."""
        families = ("bernoulli", "categorical") if family is None else (family,)
        names = [name for name, width in self._columns(n_features) for _ in range(width)]
        return np.isin(names, families)

    def groups_of(self, n_features: int) -> NDArray[np.int64]:
        """Return for each feature the number of the group that is hidden together."""
        columns = self._columns(n_features)
        groups = np.arange(len(columns)) if self.groups is None else np.asarray(self.groups)
        groups = np.unique(groups, return_inverse=True)[1]
        return np.repeat(groups, [width for _, width in columns])

    def build_head(self, n_features: int) -> nn.Module | None:
        """Build the decoder's last layer, which adds the parameters that all samples share."""
        return SharedParameters(n_features, self._layout(n_features).n_shared)

    def build_input(self, n_features: int) -> nn.Module | None:
        """Build the encoder's first layer, if there are counts: their log(1 + x)."""
        is_count = self._layout(n_features).is_count
        return LogCounts(is_count) if is_count.any() else None

    # --- what every likelihood has --------------------------------------------------------------

    def check(self, rows: AnyRows) -> None:
        """Raise a `DataError` if a value has no probability."""
        for block in row_blocks(rows):
            layout = self._layout(block.shape[1])
            for family, where in layout.families:
                values = block[:, where.numpy()]
                wrong = ~family.holds(values)
                if wrong.any():
                    row, place = np.argwhere(wrong)[0]
                    raise DataError(
                        f"X must have {family.support} in column {int(where[place])} (counting "
                        f"from 0) for its likelihood, got {values[row, place]:.6g}. Choose "
                        "another likelihood for that column."
                    )

    def advice(self, rows: AnyRows) -> str | None:
        """Return None: each column has the distribution that was chosen for it."""
        return None

    def start(self, head: nn.Module, mean: Tensor) -> None:
        """Set the decoder's offsets to what gives the mean of each feature."""
        assert isinstance(head, SharedParameters)
        with torch.no_grad():
            for family, where in self._layout(len(mean)).families:
                head.offset[where] = family.start(mean[where]).to(head.offset)

    def sigma(self, output: Tensor) -> Tensor:
        """Return the standard deviation of each Gaussian feature, (..., D), and else zero."""
        return self._of_parts(
            output,
            lambda family, eta, shared: (
                family.sigma(shared).expand(eta.shape)
                if isinstance(family, GaussianFamily)
                else torch.zeros_like(eta)
            ),
        )

    def log_prob(self, x: Tensor, output: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the log density in nats, (...), of samples (..., D) by outputs (..., D + P)."""
        return self.log_prob_of_features(x, output, mask).sum(dim=-1)

    def log_prob_of_features(self, x: Tensor, output: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the term of each feature, (..., D); those of a column add up to its own."""
        layout = self._layout(x.shape[-1])
        terms = [
            family.log_prob(x.index_select(-1, where.to(x.device)), eta, shared)
            for family, where, eta, shared in layout.parts(output)
        ]
        joined = torch.cat(terms, dim=-1).index_select(-1, layout.back.to(x.device))
        return joined if mask is None else torch.where(mask, joined, 0.0)

    def mean(self, output: Tensor) -> Tensor:
        """Return the mean of each feature; of a category, its probability."""
        return self._of_parts(output, lambda family, eta, shared: family.mean(eta, shared))

    def draw(self, output: Tensor, generator: Generator) -> Tensor:
        """Draw each feature."""
        return self._of_parts(
            output, lambda family, eta, shared: family.draw(eta, shared, generator)
        )

    def _of_parts(self, output: Tensor, function: Any) -> Tensor:
        layout = self._layout_of(output)
        values = [function(family, eta, shared) for family, _, eta, shared in layout.parts(output)]
        return torch.cat(values, dim=-1).index_select(-1, layout.back.to(output.device))

    def _layout_of(self, output: Tensor) -> _Layout:
        """Return the layout for a decoder's outputs, whose shape an export does not know."""
        layout: _Layout | None = self.__dict__.get("_of_features")
        return layout or self._layout(self._n_features(output.shape[-1]))

    def _n_features(self, n_outputs: int) -> int:
        """Return the number of features of so many outputs of the decoder."""
        return sum(int(width) for _, width in self.families or ())

    def state(self) -> dict[str, float]:
        """Return nothing: what is learned is part of the decoder."""
        return {}


class _Layout:
    """Where the features of each distribution are, and where its shared parameters are."""

    def __init__(self, columns: list[tuple[str, int]]) -> None:
        widths = np.array([width for _, width in columns])
        names = np.repeat([name for name, _ in columns], widths)
        self.n_features = int(widths.sum())
        self.families: list[tuple[Family, Tensor]] = []
        for name, cls in FAMILIES.items():
            of_family = np.array([width for other, width in columns if other == name])
            if len(of_family):
                self.families.append(
                    (cls(of_family), torch.from_numpy(np.flatnonzero(names == name)))
                )
        self.is_scaled = np.array([FAMILIES[name].is_scaled for name in names])
        self.is_count = np.array([FAMILIES[name].is_count for name in names])
        self.n_shared = sum(family.n_shared * len(where) for family, where in self.families)
        self.back = torch.argsort(torch.cat([where for _, where in self.families]))

    def parts(self, output: Tensor) -> Iterable[tuple[Family, Tensor, Tensor, Tensor]]:
        """Yield each distribution, its features, and its part of the decoder's output."""
        start = self.n_features
        for family, where in self.families:
            n_shared = family.n_shared * len(where)
            shared = output[..., start : start + n_shared]
            start += n_shared
            shape = (family.n_shared, len(where))
            eta = output.index_select(-1, where.to(output.device))
            yield family, where, eta, shared.unflatten(-1, shape) if n_shared else shared


class SharedParameters(nn.Module):
    """The last layer of a decoder: an offset for each feature, and parameters of the likelihood.

    Parameters
    ----------
    n_features : int
        D.
    n_shared : int
        P, the parameters that all samples share.
    """

    def __init__(self, n_features: int, n_shared: int) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(n_features))
        self.shared = nn.Parameter(torch.zeros(n_shared))
        self._n_shared = n_shared

    def initialize(self, generator: Generator) -> None:
        """Fill the parameters with zeros."""
        nn.init.zeros_(self.offset)
        nn.init.zeros_(self.shared)

    def forward(self, output: Tensor) -> Tensor:
        """Return (..., D + P) for outputs (..., D)."""
        output = output + self.offset
        if not self._n_shared:
            return output
        # A sum, because an export cannot expand to a shape that it does not know.
        return torch.cat([output, 0 * output[..., :1] + self.shared], dim=-1)


class LogCounts(nn.Module):
    """The first layer of an encoder of counts: log(1 + x) of them, and all else as it is."""

    def __init__(self, is_count: NDArray[np.bool_]) -> None:
        super().__init__()
        # Not a buffer, which `to_empty` would empty.
        self._is_count = torch.from_numpy(is_count)
        self._all_are = bool(is_count.all())

    def forward(self, x: Tensor) -> Tensor:
        """Return samples (B, D)."""
        logs = torch.log1p(x.clamp(min=0))
        return logs if self._all_are else torch.where(self._is_count.to(x.device), logs, x)


class _Counts(Mixed):
    """The base of likelihoods with one distribution of counts for all features."""

    family: ClassVar[str]
    is_density: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def __init__(self) -> None:
        super().__init__()

    def for_columns(self, columns: Any, n_features: int) -> Self:
        """Return itself: all features have the same distribution."""
        return self

    def _columns(self, n_features: int) -> list[tuple[str, int]]:
        return [(self.family, 1)] * n_features

    def _n_features(self, n_outputs: int) -> int:
        return n_outputs // (1 + FAMILIES[self.family].n_shared)


class Poisson(_Counts):
    r"""Independent Poisson counts of mean :math:`e^\eta`; the encoder sees :math:`\log(1 + x)`.

    Examples
    --------
    >>> likelihood = Poisson()
    >>> likelihood.log_prob(torch.tensor([[2.0]]), torch.zeros(1, 1))  # -1 - log 2
    tensor([-1.6931])
    """

    family = "poisson"


class NegativeBinomial(_Counts):
    r"""Negative binomial counts of mean :math:`e^\eta` and a dispersion for each feature.

    The variance is :math:`\mu + \mu^2 / \theta_d`; see
    `utsushi.distributions.likelihoods.families.NegativeBinomialFamily`.
    """

    family = "negative-binomial"


class ZeroInflatedNegativeBinomial(_Counts):
    r"""Negative binomial counts with more zeros, whose share depends on the mean count.

    See `utsushi.distributions.likelihoods.families.ZeroInflatedFamily`. Lopez et al. 2018, *Deep
    Generative Modeling for Single-Cell Transcriptomics*,
    https://doi.org/10.1038/s41592-018-0229-2
    """

    family = "zero-inflated"
