"""Encode and score the samples of a Ray dataset on a cluster.

Each worker receives the bytes of the model file and builds the model once. The code and the score
of a sample do not depend on its batch, so they equal those of one machine bit for bit, if all
machines have the same hardware and software.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from utsushi._utils.optional_dependencies import require_extra
from utsushi.datasets.reading import Reading
from utsushi.datasets.tables import find_column, from_arrow, labels_of
from utsushi.estimators import AnomalyDetector, BaseAutoencoder, autoencoder_of, load
from utsushi.estimators.capabilities import has_sparse_codes
from utsushi.estimators.sparse import sparse_columns
from utsushi.exceptions import SettingError
from utsushi.networks.base import is_size

if TYPE_CHECKING:
    from ray.data import Dataset

__all__ = ["encode", "score"]

BATCH_ROWS = 4096

Model = BaseAutoencoder | AnomalyDetector

#: Computes new columns, by name, from a model, rows of shape (n, D), and labels or None.
Results = Callable[[Any, NDArray[Any], NDArray[Any] | None], dict[str, Any]]


def encode(
    dataset: Dataset,
    model: Model | str | Path,
    *,
    columns: Sequence[str] | None = None,
    workers: int | None = None,
    batch_size: int = BATCH_ROWS,
    **resources: Any,
) -> Dataset:
    """Encode the samples of a Ray dataset.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Has a column for each feature, or one column of arrays. 8-bit integers are pixels, and
        divided by 255. For a model with ``columns_``, it has the columns of the table, with
        categories as text.
    model : fitted estimator, str or Path
        A path is that of a model file or a run folder; only this process reads it.
    columns : sequence of str, optional
        The features, in their order, or the column of arrays. None means the columns of the table,
        or the feature names, that the model was trained on; all columns if it has no names.
    workers : int >= 1, optional
        The number of worker processes. None lets Ray add workers as needed.
    batch_size : int >= 1, default=4096
        The number of samples in a batch.
    **resources
        The resources of each worker, such as ``num_cpus=2`` or ``num_gpus=1``; see
        `ray.data.Dataset.map_batches`. The default is one processor, or less if no processor would
        be left for reading the data.

    Returns
    -------
    ray.data.Dataset
        All other columns, and the codes: one column for each component, named by
        ``get_feature_names_out``; sparse codes are two columns of lists, ``components`` and
        ``values``. It is lazy, and Ray's settings determine the order of the rows.

    Raises
    ------
    MissingPackageError
        If the extra ``ray`` is not installed.
    SettingError
        If ``workers`` or ``batch_size`` is not a positive integer.

    Examples
    --------
    >>> codes = encode(ray.data.read_parquet("rows"), "RUN", workers=8)  # doctest: +SKIP
    >>> codes.write_parquet("codes")  # doctest: +SKIP
    """
    return _mapped(dataset, model, _codes, columns, None, workers, batch_size, resources)


def score(
    dataset: Dataset,
    model: Model | str | Path,
    *,
    columns: Sequence[str] | None = None,
    y: str | None = None,
    workers: int | None = None,
    batch_size: int = BATCH_ROWS,
    **resources: Any,
) -> Dataset:
    """Score the samples of a Ray dataset; higher is more normal.

    Parameters
    ----------
    dataset, model, columns, workers, batch_size, **resources
        See `encode`.
    y : str, optional
        The column of the classes, for a conditional model.

    Returns
    -------
    ray.data.Dataset
        All other columns, and ``score``, which is ``score_samples``.

    Raises
    ------
    MissingPackageError, SettingError
        See `encode`.
    """
    return _mapped(dataset, model, _scores, columns, y, workers, batch_size, resources)


def _codes(model: Model, rows: NDArray[Any], labels: object) -> dict[str, Any]:
    autoencoder = autoencoder_of(model)
    if has_sparse_codes(autoencoder):
        return sparse_columns(autoencoder.transform(rows))
    names = map(str, autoencoder.get_feature_names_out())
    return dict(zip(names, autoencoder.transform(rows).T, strict=True))


def _scores(
    model: Model, rows: NDArray[Any], labels: NDArray[Any] | None
) -> dict[str, NDArray[Any]]:
    if isinstance(model, AnomalyDetector):
        return {"score": model.score_samples(rows)}
    return {"score": model.score_samples(rows, labels)}


class _Worker:
    """Replace the features in batches by results of a model, which is built once.

    Parameters
    ----------
    content : bytes
        The content of the model file.
    results : callable
        `_codes` or `_scores`.
    columns : sequence of str or None
        The features.
    y : str or None
        The column of the classes.
    """

    def __init__(
        self, content: bytes, results: Results, columns: Sequence[str] | None, y: str | None
    ) -> None:
        self._results, self._y = results, y
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "model.safetensors")
            file.write_bytes(content)
            self._model = load(file)
        inner = getattr(self._model, "autoencoder_", None)
        schema = getattr(self._model, "columns_", None) or getattr(inner, "columns_", None)
        if columns is not None:
            schema = None
        elif schema is not None:
            columns = [column.name for column in schema.columns]
        elif hasattr(self._model, "feature_names_in_"):
            columns = [str(name) for name in self._model.feature_names_in_]
        self._columns, self._reading = columns, Reading(columns=schema)
        # Without names, scikit-learn does not warn that the batches, which are arrays, have none.
        for estimator in {self._model, inner} - {None}:
            vars(estimator).pop("feature_names_in_", None)

    def __call__(self, batch: Any) -> Any:
        """Return an Arrow table with the results, and the columns that are not features."""
        import pyarrow

        what = "the dataset"
        names = self._columns or [name for name in batch.column_names if name != self._y]
        table = batch.select([find_column(batch, what, name) for name in names])
        for i, column in enumerate(table.columns):
            if isinstance(column.type, pyarrow.BaseExtensionType):  # arrays, as Ray stores them
                chunks = [chunk.storage for chunk in column.chunks]
                lists = pyarrow.chunked_array(chunks, column.type.storage_type)
                table = table.set_column(i, names[i], lists)
        rows = from_arrow(table, what, self._reading).X_train
        labels = None
        if self._y is not None:
            column = batch.column(find_column(batch, what, self._y, " for the classes"))
            labels = labels_of(column, what, Reading(label=self._y))
        results = self._results(self._model, rows, labels)
        result = batch.drop_columns([n for n in batch.column_names if n in {*names, *results}])
        for name, values in results.items():
            result = result.append_column(name, pyarrow.array(values))
        return result


def _mapped(
    dataset: Dataset,
    model: Model | str | Path,
    results: Results,
    columns: Sequence[str] | None,
    y: str | None,
    workers: int | None,
    batch_size: int,
    resources: dict[str, Any],
) -> Dataset:
    """Apply a `_Worker` to all batches."""
    require_extra("ray", "ray", what="utsushi.integrations.ray")
    for name, value in (("workers", workers), ("batch_size", batch_size)):
        if value is not None and not is_size(value):
            raise SettingError(f"{name} must be a positive integer, got {value!r}.")
    import ray
    from ray.data import ActorPoolStrategy

    # If the workers held all processors, none would be left to read the data that they wait for.
    free = ray.cluster_resources().get("CPU", 0) - 1
    resources.setdefault("num_cpus", min(1.0, max(free, 0) / (workers or 1)))
    pool = ActorPoolStrategy(min_size=1) if workers is None else ActorPoolStrategy(size=workers)
    return dataset.map_batches(
        _Worker,
        fn_constructor_args=(_content_of(model), results, columns, y),
        compute=pool,
        batch_size=batch_size,
        batch_format="pyarrow",
        **resources,
    )


def _content_of(model: Model | str | Path) -> bytes:
    """Return the content of a model file; loading it first raises errors in this process."""
    fitted = load(model) if isinstance(model, (str, Path)) else model
    with tempfile.TemporaryDirectory() as folder:
        content: bytes = fitted.save(Path(folder, "model.safetensors")).read_bytes()
    return content
