"""Codes and scores of more rows than one machine should see, by Ray Data.

A model is sent to the cluster once, as the bytes of its file, and each worker builds it once;
batches of rows then go through it in parallel. A row's code and score do not depend on its batch,
so they are those of one machine, bit for bit, on machines of one kind.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.optional_dependencies import require_extra
from utsushi.datasets.arrays import to_rows
from utsushi.datasets.reading import Reading
from utsushi.datasets.tables import find_column, from_arrow, labels_of
from utsushi.estimators import AnomalyDetector, BaseAutoencoder, autoencoder_of, load
from utsushi.exceptions import DataError, SettingError
from utsushi.networks.base import is_size
from utsushi.transforms.table_schema import Columns as TableColumns

if TYPE_CHECKING:
    from ray.data import Dataset

__all__ = ["encode", "score"]

#: A batch as Ray Data gives it: columns by name.
Columns = dict[str, NDArray[Any]]

#: Rows that a worker takes at once, where nothing else is said.
BATCH_ROWS = 4096


def encode(
    dataset: Dataset,
    model: BaseAutoencoder | AnomalyDetector | str | Path,
    *,
    columns: Sequence[str] | None = None,
    workers: int | None = None,
    batch_size: int = BATCH_ROWS,
    **resources: Any,
) -> Dataset:
    """Encode the rows of a Ray dataset.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Rows with a column for each feature, or with one column of arrays. 8-bit integers are
        pixels, and divided by 255. For a model of a table, ``columns_``, the columns of such a
        table, with the names of categories.
    model : fitted estimator, str or Path
        A path is that of a model file or a run folder, which this process alone has to see.
    columns : sequence of str, optional
        The features, in their order, or the column of arrays. None takes the columns of the table,
        or the names, that the model was trained on; where it knows none, all columns.
    workers : int >= 1, optional
        How many processes hold the model. None lets Ray add some as there is work.
    batch_size : int >= 1, default=4096
        Rows that a worker takes at once.
    **resources
        What a worker asks of Ray, such as ``num_cpus=2`` or ``num_gpus=1``; see
        `ray.data.Dataset.map_batches`. Where nothing is said, one processor, or less where the
        workers would leave none to those that read the rows.

    Returns
    -------
    ray.data.Dataset
        All other columns, and the codes, one column for each component, under the names of
        ``get_feature_names_out``. Nothing is computed until it is asked for, and the order of the
        rows is what Ray's settings make it.

    Raises
    ------
    MissingPackageError
        If the extra ``ray`` is not installed.
    SettingError
        If ``workers`` or ``batch_size`` is no positive integer.

    Examples
    --------
    >>> codes = encode(ray.data.read_parquet("rows"), "RUN", workers=8)  # doctest: +SKIP
    >>> codes.write_parquet("codes")  # doctest: +SKIP
    """
    return _mapped(dataset, model, _Codes, (columns,), workers, batch_size, resources)


def score(
    dataset: Dataset,
    model: BaseAutoencoder | AnomalyDetector | str | Path,
    *,
    columns: Sequence[str] | None = None,
    y: str | None = None,
    workers: int | None = None,
    batch_size: int = BATCH_ROWS,
    **resources: Any,
) -> Dataset:
    """Score the rows of a Ray dataset; higher is more normal.

    Parameters
    ----------
    dataset, model, columns, workers, batch_size, **resources
        See `encode`.
    y : str, optional
        The column with the classes of the rows, for a conditional model.

    Returns
    -------
    ray.data.Dataset
        All other columns, and ``score``, which is ``score_samples``.

    Raises
    ------
    MissingPackageError, SettingError
        See `encode`.
    """
    return _mapped(dataset, model, _Scores, (columns, y), workers, batch_size, resources)


class _Worker:
    """What a worker keeps from one batch to the next: the model, built once.

    Parameters
    ----------
    content : list of one bytes or ray.ObjectRef
        Of the model file. In a list, Ray hands a reference on as it is.
    columns : sequence of str or None
        The features.
    y : str or None
        The column of the classes.
    """

    def __init__(
        self, content: list[Any], columns: Sequence[str] | None, y: str | None = None
    ) -> None:
        (held,) = content
        if not isinstance(held, bytes):
            import ray

            held = ray.get(held)
        self.model = _model_from(held)
        self.columns = columns
        if columns is None and hasattr(self.model, "feature_names_in_"):
            self.columns = [str(name) for name in self.model.feature_names_in_]
        # Rows come as arrays in this order; scikit-learn would ask for their names each time.
        for part in {self.model, getattr(self.model, "autoencoder_", None)} - {None}:
            part.__dict__.pop("feature_names_in_", None)
        self.y = y
        self.table = _table_of(self.model, columns)

    def __call__(self, batch: Any) -> Any:
        """Return a batch with the results in the place of the features.

        It is an Arrow table where the model is one of a table, else `Columns`.
        """
        if self.table is not None:
            return self._call_table(batch, self.table)
        names = self._features(batch)
        others = {name: values for name, values in batch.items() if name not in names}
        labels = None if self.y is None else _column(batch, self.y)
        return others | self._results(_rows(batch, names), labels)

    def _call_table(self, batch: Any, columns: TableColumns) -> Any:
        """Read a batch as the library reads every table; Arrow alone keeps all types and gaps."""
        import pyarrow

        names = [column.name for column in columns.columns if column.name in batch.column_names]
        rows = from_arrow(batch.select(names), "a batch of rows", Reading(columns=columns)).X_train
        labels = None
        if self.y is not None:
            place = find_column(batch, "a batch of rows", self.y, " for the classes")
            labels = labels_of(batch.column(place), "a batch of rows", Reading(label=self.y))
        others = batch.drop_columns(names)
        for name, values in self._results(rows, labels).items():
            others = others.append_column(name, pyarrow.array(values))
        return others

    def _features(self, batch: Columns) -> list[str]:
        """Return the columns that are the features of a row."""
        if self.columns is not None:
            return list(self.columns)
        return [name for name in batch if name != self.y]

    def _results(self, rows: NDArray[Any], labels: NDArray[Any] | None) -> Columns:
        """Return new columns for rows (n, D)."""
        raise NotImplementedError


class _Codes(_Worker):
    """Encodes."""

    def _results(self, rows: NDArray[Any], labels: NDArray[Any] | None) -> Columns:
        model = autoencoder_of(self.model)
        codes = model.transform(rows)
        return dict(zip(map(str, model.get_feature_names_out()), codes.T, strict=True))


class _Scores(_Worker):
    """Scores."""

    def _results(self, rows: NDArray[Any], labels: NDArray[Any] | None) -> Columns:
        model = self.model
        if isinstance(model, AnomalyDetector):
            return {"score": model.score_samples(rows)}
        return {"score": model.score_samples(rows, labels)}


def _mapped(
    dataset: Dataset,
    model: BaseAutoencoder | AnomalyDetector | str | Path,
    worker: type[_Worker],
    settings: tuple[Any, ...],
    workers: int | None,
    batch_size: int,
    resources: dict[str, Any],
) -> Dataset:
    """Apply a kind of worker to all batches."""
    require_extra("ray", "ray", what="utsushi.integrations.ray")
    for name, value in (("workers", workers), ("batch_size", batch_size)):
        if value is not None and not is_size(value):
            raise SettingError(f"{name}={value!r}, expected an integer from 1 on")
    import ray
    from ray.data import ActorPoolStrategy

    model = load(model) if isinstance(model, (str, Path)) else model
    content = ray.put(_content_of(model))
    # Workers that held all processors would wait for rows that none is left to read.
    free = ray.cluster_resources().get("CPU", 0) - 1
    resources.setdefault("num_cpus", min(1.0, max(free, 0) / (workers or 1)))
    # Of a fixed number, or as many as Ray finds work for.
    pool = ActorPoolStrategy(min_size=1) if workers is None else ActorPoolStrategy(size=workers)
    return dataset.map_batches(
        worker,
        fn_constructor_args=([content], *settings),
        compute=pool,
        batch_size=batch_size,
        batch_format="numpy" if _table_of(model, settings[0]) is None else "pyarrow",
        **resources,
    )


def _table_of(
    model: BaseAutoencoder | AnomalyDetector, columns: Sequence[str] | None
) -> TableColumns | None:
    """Return what a model knows of the table that it was trained on, where no columns are named."""
    if columns is not None:
        return None
    return getattr(model, "columns_", None) or getattr(
        getattr(model, "autoencoder_", None), "columns_", None
    )


def _content_of(model: BaseAutoencoder | AnomalyDetector | str | Path) -> bytes:
    """Return the bytes of a model's file; a path is read, so that what is wrong is said here."""
    loaded = load(model) if isinstance(model, (str, Path)) else model
    with tempfile.TemporaryDirectory() as folder:
        content: bytes = loaded.save(Path(folder, "model.safetensors")).read_bytes()
    return content


def _model_from(content: bytes) -> BaseAutoencoder | AnomalyDetector:
    """Return the model that those bytes describe."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.safetensors")
        file.write_bytes(content)
        model: BaseAutoencoder | AnomalyDetector = load(file)
    return model


def _rows(batch: Columns, names: Sequence[str]) -> NDArray[Any]:
    """Return features as rows (n, D), by the rules that hold for every source.

    Whether NaN is a missing value or an error, the model says.
    """
    parts = [_column(batch, name) for name in names]
    rows = parts[0] if len(parts) == 1 and parts[0].ndim > 1 else np.stack(parts, axis=1)
    return to_rows(rows)[0]


def _column(batch: Columns, name: str) -> NDArray[Any]:
    if name not in batch:
        raise DataError(
            f"the dataset has no column {name!r}, expected one; it has {', '.join(batch)}; name "
            "the features with columns="
        )
    return batch[name]
