"""The sparse autoencoder: far more components than features, few of them active at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from utsushi._utils.lazy_rows import AnyRows, LazyRows, RowIndex
from utsushi.estimators.autoencoder import Autoencoder
from utsushi.estimators.base import BaseAutoencoder
from utsushi.estimators.inference import mapped_blocks
from utsushi.estimators.parameters import COMMON_CONSTRAINTS, estimator, one_of
from utsushi.estimators.rows import Rows, checked_codes
from utsushi.exceptions import SettingError
from utsushi.networks import Network, Sparsity
from utsushi.networks.base import is_size
from utsushi.objectives import Source, SparseObjective
from utsushi.objectives.sparse import MATRYOSHKA

__all__ = ["SparseAutoencoder", "sparse_columns"]

#: What ``recipe="fast"`` stands for, where it differs from that of an autoencoder.
FAST: dict[str, Any] = {
    "max_epochs": 20,
    "min_steps": 2000,
    "batch_size": 512,
    "learning_rate": 3e-3,
    "betas": (0.9, 0.999),
    "weight_decay": 0.0,
    "start": "random",
    "subspace": 0.0,
}

#: Of samples (n, H): a `scipy.sparse.csr_matrix`, or an array.
Codes: TypeAlias = Any


@estimator
class SparseAutoencoder(BaseAutoencoder):
    r"""Sparse autoencoder: a sample is a sum of a few atoms of a large dictionary.

    .. math::
        z = s\!\left(W_e (x - b_d) + b_e\right), \qquad
        \hat x = W_d z + b_d, \qquad \Vert W_{d,h} \Vert = 1

    The sparsity s leaves few of the components active, so there may be many more than features:
    they are features that one can look at one by one, such as those of embeddings. The objective is
    the squared error, and a loss that revives components that are never active: see
    `utsushi.objectives.SparseObjective`.

    Parameters
    ----------
    n_components : int >= 1, default=4096
        H, the size of the dictionary.
    network : {"dictionary", "dense", "conv"} or Network, default="dictionary"
        What the encoder and the decoder are made of: ``networks.Dictionary(tied=True)`` has one
        matrix for both. Only a dictionary has atoms of unit length.
    sparsity : {"topk", "batch-topk", "jumprelu", "l1"} or Sparsity, default="topk"
        What makes the codes sparse: the largest components of each sample
        (``networks.TopK(k=32)``) or of a batch, a threshold for each component, or their sum as a
        penalty. See `utsushi.networks.Sparsity`.
    matryoshka : bool, default=False
        Whether the first eighth, quarter and half of the components have to reconstruct the sample,
        too: then the first are general, and the others refine them. The errors of all four are
        averaged.
    sparse_output : bool, default=True
        Whether `transform` gives a `scipy.sparse` matrix; otherwise an array.
    image_shape : (height, width) or (channels, height, width), optional
        The shape of an image, if the samples are flattened images.
    scaling : {"unit-length", "center", "standard", "minmax"} or None, default="unit-length"
        ``"unit-length"`` removes the mean and divides all columns by one number, so that the
        squared error is the part of the variance that is not explained. See `Autoencoder`.
    missing : {"raise", "mask"}, default="raise"
        See `Autoencoder`.
    augment : {"affine", "binarize"}, Augmentation or None, default=None
        See `Autoencoder`.
    recipe : {"fast", "lecture"} or Recipe, default="fast"
        How to train; see `utsushi.Recipe`.
    max_epochs : int >= 1 or None, default=None
        Passes over the training samples; None leaves them to the recipe.
    random_state : int, RandomState or None, default=None
        Decides every random number. None takes fresh entropy from the system.
    device : str, default="auto"
        Where to compute, resolved in ``fit``: ``"auto"`` is the accelerator if there is one.
    verbose : int, default=0
        1 shows a progress bar on stderr.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features), float32
        The atoms, in scaled units; only of a dictionary.
    history_ : list of dict
        A row per epoch: ``reconstruction`` (the mean squared error of a row, in scaled units),
        ``l0`` (the active components of a sample), ``dead`` (the share of components that no one
        of the last 10,000 training samples made active), ``bottleneck`` (what the sparsity adds),
        ``objective``, the same of the held-out samples with the prefix ``validation_``,
        ``learning_rate``, ``seconds``.
    n_features_in_, n_components_, n_epochs_ : int
        See `Autoencoder`.
    feature_names_in_, module_, network_, recipe_, scaling_, seed_, device_
        See `Autoencoder`.

    References
    ----------
    Bricken et al. 2023, *Towards Monosemanticity: Decomposing Language Models With Dictionary
    Learning*, https://transformer-circuits.pub/2023/monosemantic-features

    Examples
    --------
    >>> from utsushi import SparseAutoencoder, datasets
    >>> from utsushi.networks import TopK
    >>> digits = datasets.load_digits8x8()
    >>> model = SparseAutoencoder(256, sparsity=TopK(k=8), max_epochs=5, random_state=0)
    >>> codes = model.fit(digits.X_train).transform(digits.X_test)
    >>> codes.shape, codes.nnz / codes.shape[0]
    ((360, 256), 8.0)
    >>> indices, values = model.feature_examples(digits.X_train, component=3, n_examples=5)
    >>> indices.shape
    (5,)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **{k: v for k, v in COMMON_CONSTRAINTS.items() if k not in ("hidden", "sampler")},
        "sparsity": one_of("sparsity"),
        "matryoshka": ["boolean"],
        "sparse_output": ["boolean"],
    }
    _may_have_more_components_than_features: ClassVar[bool] = True

    n_components: int = field(default=4096, kw_only=False)
    network: str | Network = "dictionary"
    hidden: None = field(default=None, init=False)
    scaling: str | None = "unit-length"
    # It asks for no codes; nothing is drawn.
    sampler: str = field(default="prior", init=False)
    sparsity: str | Sparsity = "topk"
    matryoshka: bool = False
    sparse_output: bool = True

    def _fast_settings(self, n_features: int, n_rows: int) -> dict[str, Any]:
        return super()._fast_settings(n_features, n_rows) | FAST

    def _other_parts(self) -> dict[str, nn.Module]:
        return {"bottleneck": self.chosen("sparsity").build(self.n_components)}

    def _objective(self, data: Source) -> SparseObjective:
        return SparseObjective(MATRYOSHKA) if self.matryoshka else SparseObjective()

    @property
    def _objective_rises(self) -> bool:
        return True  # once components count as dead, the loss that revives them is added

    @property
    def _compares_with_pca(self) -> bool:
        return False

    @property
    def components_(self) -> NDArray[np.float32]:
        """The atoms (H, D) in scaled units."""
        check_is_fitted(self)
        atoms: Tensor = self.module_.decoder.atoms  # type: ignore[assignment]
        return atoms.detach().cpu().numpy()

    def transform(self, X: ArrayLike) -> Codes:
        """Encode samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        scipy.sparse.csr_matrix or ndarray of shape (n_samples, n_components), float32
            The codes, zero or positive; an array with ``sparse_output=False``. The same sample
            gives the same code, bit for bit, whatever the other samples are.
        """
        check_is_fitted(self)
        rows = self._checked(X)
        if not self.sparse_output:
            return self._codes(rows)
        blocks = [scipy.sparse.csr_matrix(block) for _, block in self._code_blocks(rows)]
        return scipy.sparse.vstack(blocks, format="csr")

    def _code_blocks(self, rows: AnyRows) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield the codes of blocks of samples, with the number of the first sample."""
        return mapped_blocks(rows, self._scaled, lambda x, _: self._encode(x), self.device_)

    def inverse_transform(self, Z: Any, y: ArrayLike | None = None) -> Rows:
        """Decode codes.

        Parameters
        ----------
        Z : array-like or sparse matrix of shape (n_samples, n_components)
        y : ignored

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
            Rows in the units of the input.
        """
        check_is_fitted(self)
        codes: Any = checked_codes(Z, self.n_components_, accept_sparse=True)
        if scipy.sparse.issparse(codes):
            codes = _SparseRows(codes)
        return self._restored(self._decode_codes(codes), codes.dtype)

    def reconstruct(self, X: ArrayLike, y: ArrayLike | None = None) -> Rows:
        """Encode samples and decode their codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
            Rows in the units of the input.
        """
        check_is_fitted(self)
        rows = self._checked(X)
        reconstructions = self._map(rows, lambda x, _: self._decode(self._encode(x)))
        return self._restored(reconstructions, rows.dtype)

    score_samples = Autoencoder.score_samples

    def feature_examples(
        self, X: ArrayLike, component: int | None = None, n_examples: int = 10
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find the samples that excite a component most: what it stands for.

        It reads the samples once, and keeps ``n_examples`` of them for each component.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        component : int or None, default=None
            The number of a component, from 0 on; None means all.
        n_examples : int >= 1, default=10
            How many samples.

        Returns
        -------
        indices : ndarray of shape (n_examples,), int64
            The numbers of the samples, the largest value first, and of equal ones the first
            sample; -1 where no other sample makes the component active. For all components the
            shape is (n_components, n_examples).
        values : ndarray of the same shape, float32
            Their codes, 0 where the index is -1.

        Examples
        --------
        >>> from utsushi import SparseAutoencoder, datasets
        >>> from utsushi.networks import TopK
        >>> X = datasets.load_digits8x8().X_train
        >>> model = SparseAutoencoder(256, sparsity=TopK(k=8), max_epochs=5, random_state=0).fit(X)
        >>> indices, values = model.feature_examples(X, n_examples=3)
        >>> indices.shape
        (256, 3)
        >>> bool((values[:, 0] == model.transform(X).max(axis=0).toarray()).all())
        True
        """
        check_is_fitted(self)
        if not is_size(n_examples):
            raise SettingError(f"n_examples must be a positive integer, got {n_examples!r}.")
        n_components = self.n_components_
        chosen = slice(None) if component is None else component
        if component is not None and not (
            isinstance(component, Integral) and 0 <= component < n_components
        ):
            raise SettingError(
                f"component must be an integer from 0 to {n_components - 1}, got {component!r}."
            )
        best = _Examples.none()
        for start, block in self._code_blocks(self._checked(X)):
            best = best.joined(_Examples.of(block, start)).largest(n_examples)
        indices = np.full((n_components, n_examples), -1, dtype=np.int64)
        values = np.zeros((n_components, n_examples), dtype=np.float32)
        position = best.components, best.ranks
        indices[position], values[position] = best.rows, best.values
        return indices[chosen], values[chosen]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def sample(self, *args: Any, **settings: Any) -> Rows:
        """Raise an error: nothing is learned about which components are active together.

        Raises
        ------
        SettingError
            Always.
        """
        raise SettingError(
            "SparseAutoencoder cannot sample, because it has no distribution of sparse codes. "
            "Train an Autoencoder or a VariationalAutoencoder to generate."
        )


def sparse_columns(codes: Any) -> dict[str, list[NDArray[Any]]]:
    """Return sparse codes as two columns of lists: active components, and their values.

    Examples
    --------
    >>> sparse_columns(scipy.sparse.csr_matrix([[0.0, 2.0], [0.0, 0.0]]))["components"]
    [array([1], dtype=int32), array([], dtype=int32)]
    """
    codes = scipy.sparse.csr_matrix(codes)
    return {
        "components": np.split(codes.indices, codes.indptr[1:-1]),
        "values": np.split(codes.data, codes.indptr[1:-1]),
    }


@dataclass(frozen=True)
class _Examples:
    """Active components of samples, ordered by component, the largest values first.

    Attributes
    ----------
    components, rows : ndarray of shape (m,), int64
    values : ndarray of shape (m,), float32
    """

    components: NDArray[np.int64]
    rows: NDArray[np.int64]
    values: NDArray[np.float32]

    @classmethod
    def none(cls) -> Self:
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))

    @classmethod
    def of(cls, codes: NDArray[np.float32], start: int) -> Self:
        """Return those of codes (b, H) whose first sample has the number ``start``."""
        rows, components = np.nonzero(codes)
        return cls(components, rows + start, codes[rows, components])

    def joined(self, other: Self) -> Self:
        """Return both, ordered."""
        components = np.concatenate([self.components, other.components])
        rows = np.concatenate([self.rows, other.rows])
        values = np.concatenate([self.values, other.values])
        order = np.lexsort((rows, -values, components))
        return type(self)(components[order], rows[order], values[order])

    @property
    def ranks(self) -> NDArray[np.int64]:
        """The place of each in the order of its component."""
        firsts = np.searchsorted(self.components, self.components)
        return np.arange(len(self.components)) - firsts

    def largest(self, n: int) -> Self:
        """Return the first n of each component."""
        is_largest = self.ranks < n
        return type(self)(
            self.components[is_largest], self.rows[is_largest], self.values[is_largest]
        )


class _SparseRows(LazyRows):
    """Rows of a sparse matrix, which become an array when they are indexed."""

    def __init__(self, codes: scipy.sparse.csr_matrix) -> None:
        self._codes = codes
        self.shape = (int(codes.shape[0]), int(codes.shape[1]))
        self.dtype = codes.dtype

    def __getitem__(self, index: RowIndex) -> NDArray[Any]:
        rows: NDArray[Any] = self._codes[index].toarray()
        return rows
