"""Write the best trial of a search as a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any

from filelock import FileLock

from utsushi._utils.files import write_json, write_whole
from utsushi.datasets import Dataset
from utsushi.figures import part_bars, to_png
from utsushi.runs import check_free, write_run
from utsushi.search.study import Search

__all__ = ["check_best_path", "write_best"]

#: The file with all trials of a search, in the folder of its run.
SEARCH = "search.json"


def check_best_path(path: str | Path, search_id: str | None, *, force: bool) -> Path:
    """Check that a search may write its best run to ``path``, or replace its own there."""
    is_own_run = search_id is not None and _earlier_search(Path(path)).get("id") == search_id
    return check_free(path, force=force or is_own_run)


def write_best(
    path: str | Path,
    search: Search,
    dataset: Dataset,
    *,
    force: bool = False,
    **described: Any,
) -> dict[str, Any] | None:
    """Train the model of the best trial again, and write its run folder.

    In addition to the files of every run, the folder has ``search.json``, with all trials, and
    ``figures/importance.png``, the share of the objective's variance that each setting explains, if
    there are enough trials.

    Parameters
    ----------
    path : str or Path
        The folder.
    search : Search
    dataset : Dataset
        The data of the search.
    force : bool
        Replace an existing run. A run of the same search (`Search.id`) is always replaced.
    **described
        ``source``, ``label``, ``reading``, ``language`` and ``report`` of
        `utsushi.runs.write_run`.

    Returns
    -------
    dict or None
        The content of ``metrics.json``; None if the folder already has the run of this trial,
        written by another process of the search.
    """
    signature(write_run).bind(path, None, dataset, **described)  # raises before training
    best = search.study.best_trial.number
    folder = check_best_path(path, search.id, force=force)
    with _locked(folder):
        earlier = _earlier_search(folder)
        importances = search.importances
        if (earlier.get("id"), earlier.get("best_trial")) == (search.id, best):
            results = None
        else:
            model = search.model.fit(dataset.X_train, dataset.y_train, columns=dataset.columns)
            results = write_run(folder, model, dataset, force=True, **described)
        if importances:
            shares = {name.rpartition("__")[2]: share for name, share in importances.items()}
            picture = to_png(part_bars(shares, xlabel="Share of the variance explained"))
            write_whole(folder / "figures" / "importance.png", picture)
        write_json(folder / SEARCH, _described(search, importances))
    return results


def _described(search: Search, importances: dict[str, float]) -> dict[str, Any]:
    """Return all trials, ready for JSON."""
    return {
        "study": search.study.study_name,
        "id": search.id,
        "best_trial": search.study.best_trial.number,
        "best_value": search.best_value,
        "importances": importances,
        "trials": [
            {
                "number": trial.number,
                "state": trial.state.name.lower(),
                "value": trial.value if trial.state.name == "COMPLETE" else None,
                "epochs": trial.last_step,
                "settings": trial.params,
            }
            for trial in search.study.trials
        ],
    }


def _earlier_search(folder: Path) -> dict[str, Any]:
    """Return the record of an earlier search in a folder."""
    try:
        record = json.loads((folder / SEARCH).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder: processes of one search finish at the same time, and only one may write."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")) as lock:
        yield
        Path(lock.lock_file).unlink(missing_ok=True)
