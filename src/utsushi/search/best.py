"""The best trial of a search as an ordinary run."""

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

__all__ = ["check_place", "write_best"]

#: The additional files of the run of a search.
SEARCH = "search.json"


def check_place(path: str | Path, search_id: str | None, *, force: bool) -> Path:
    """Check that the best run of a search may be written to ``path``; its own may be replaced."""
    own = search_id is not None and _known(Path(path)).get("id") == search_id
    return check_free(path, force=force or own)


def write_best(
    path: str | Path,
    search: Search,
    dataset: Dataset,
    *,
    force: bool = False,
    **described: Any,
) -> dict[str, Any] | None:
    """Train the model of the best trial again, and leave it as a run folder.

    Beside what every run has, it holds ``search.json``, all trials, and
    ``figures/importance.png``, what part of the objective's variance each setting explains, where
    there are trials enough.

    Parameters
    ----------
    path : str or Path
        The folder.
    search : Search
    dataset : Dataset
        Whose training rows were searched with.
    force : bool
        Replace an existing run; one of the same search, by `Search.id`, is always replaced.
    **described
        ``source``, ``label``, ``reading``, ``language`` and ``report`` of
        `utsushi.runs.write_run`.

    Returns
    -------
    dict or None
        What ``metrics.json`` holds; None where the run of this very trial stands there already, as
        another process of the search has left it.
    """
    signature(write_run).bind(path, None, dataset, **described)  # wrong ones, before the training
    best = search.study.best_trial.number
    folder = check_place(path, search.id, force=force)
    with _alone(folder):
        known = _known(folder)
        importances = search.importances
        if (known.get("id"), known.get("best_trial")) == (search.id, best):
            results = None
        else:
            model = search.model.fit(dataset.X_train, dataset.y_train, columns=dataset.columns)
            results = write_run(folder, model, dataset, force=True, **described)
        if importances:
            parts = {name.rpartition("__")[2]: part for name, part in importances.items()}
            picture = to_png(part_bars(parts, xlabel="Part of the variance explained"))
            write_whole(folder / "figures" / "importance.png", picture)
        write_json(folder / SEARCH, _described(search, importances))
    return results


def _described(search: Search, importances: dict[str, float]) -> dict[str, Any]:
    """Return all trials as plain data."""
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


def _known(folder: Path) -> dict[str, Any]:
    """Return the record of an earlier search in a folder."""
    try:
        found = json.loads((folder / SEARCH).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process write at a time; those of one search come to their end together."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")) as lock:
        yield
        Path(lock.lock_file).unlink(missing_ok=True)
