"""Write down what some forty small models compute, or compare it with what was written down.

    python tools/model_bytes.py --write before.json
    python tools/model_bytes.py --compare before.json

Run it before and after a change that must not change behaviour, on one machine with the same number
of threads: histories, codes, copies, scores and samples are equal bit for bit, or it names what
differs and exits with 1.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from utsushi import (
    AnomalyDetector,
    Autoencoder,
    DenoisingAutoencoder,
    Recipe,
    VariationalAutoencoder,
    datasets,
    load,
)
from utsushi.networks import Conv, Dense
from utsushi.objectives import ELBO, ImportanceWeighted

TRAIN, TEST = 300, 40
SHORT = {"max_epochs": 3, "random_state": 0, "device": "cpu"}
IMAGES = {"network": Conv(channels=(4,)), "image_shape": (8, 8)}

#: What each model is, beside `SHORT`; those of few digits are called with their classes, too.
MODELS: dict[str, tuple[type, dict[str, Any]]] = {
    "ae": (Autoencoder, {}),
    "ae, wide rows": (Autoencoder, {"n_components": 4}),
    "ae, by default": (Autoencoder, {"max_epochs": None}),
    "ae, linear": (Autoencoder, {"hidden": ()}),
    "ae, two layers": (Autoencoder, {"hidden": (32, 16), "network": Dense(activation="tanh")}),
    "ae, lecture": (Autoencoder, {"recipe": "lecture"}),
    "ae, own recipe": (
        Autoencoder,
        {"recipe": Recipe("lecture", batch_size=32, schedule="one-cycle")},
    ),
    "ae, sparse": (Autoencoder, {"penalty": "sparse"}),
    "ae, contractive": (Autoencoder, {"penalty": "contractive"}),
    "ae, regularized": (Autoencoder, {"penalty": "code-and-weights"}),
    "ae, standard": (Autoencoder, {"scaling": "standard"}),
    "ae, minmax": (Autoencoder, {"scaling": "minmax"}),
    "ae, missing": (Autoencoder, {"missing": "mask"}),
    "ae, conv": (Autoencoder, IMAGES),
    "ae, augmented": (Autoencoder, {"augment": "affine", "image_shape": (8, 8)}),
    "ae, held out": (Autoencoder, {"recipe": Recipe(validation_fraction=0.2, early_stopping=1)}),
    "ae, bfloat16": (Autoencoder, {"recipe": Recipe(precision="bfloat16")}),
    "ae, gaussian sampler": (Autoencoder, {"sampler": "gaussian"}),
    "ae, flow": (Autoencoder, {"sampler": "flow", "n_components": 2}),
    "dae": (DenoisingAutoencoder, {}),
    "dae, masking": (DenoisingAutoencoder, {"corruption": "masking"}),
    "dae, conv": (DenoisingAutoencoder, IMAGES),
    "vae": (VariationalAutoencoder, {}),
    "vae, lecture": (
        VariationalAutoencoder,
        {"recipe": "lecture", "likelihood": "unit-gaussian", "sampler": "prior"},
    ),
    "vae, wide rows": (VariationalAutoencoder, {"n_components": 4}),
    "vae, bernoulli": (VariationalAutoencoder, {"likelihood": "bernoulli", "scaling": None}),
    "vae, continuous bernoulli": (
        VariationalAutoencoder,
        {"likelihood": "continuous-bernoulli", "scaling": None},
    ),
    "vae, conditional": (VariationalAutoencoder, {"conditional": True}),
    "vae, beta": (VariationalAutoencoder, {"beta": 2.0, "objective": ELBO(kl_warmup_epochs=1)}),
    "vae, free bits": (VariationalAutoencoder, {"objective": ELBO(free_bits=0.2)}),
    "vae, importance": (VariationalAutoencoder, {"objective": "importance-weighted"}),
    "vae, doubly": (
        VariationalAutoencoder,
        {"objective": ImportanceWeighted(gradient="doubly-reparameterized")},
    ),
    "vae, draws": (VariationalAutoencoder, {"objective": ELBO(n_samples=2)}),
    "vae, missing": (VariationalAutoencoder, {"missing": "mask"}),
    "vae, two-stage": (VariationalAutoencoder, {"sampler": "two-stage"}),
    "vae, conv": (VariationalAutoencoder, IMAGES),
    "vae, bfloat16": (VariationalAutoencoder, {"recipe": Recipe(precision="bfloat16")}),
}


def rows_for(name: str, settings: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return training rows, their classes and test rows."""
    if "wide" in name:
        digits = datasets.load_mnist20k()
    else:
        digits = datasets.load_digits8x8()
    X, y, X_test = digits.X_train[:TRAIN], digits.y_train[:TRAIN], digits.X_test[:TEST]
    if settings.get("missing") == "mask":
        gaps = np.random.default_rng(0).random(X.shape) < 0.1
        X = np.where(gaps, np.nan, X).astype(np.float32)
    return X, y, X_test


def facts_of(model: Any, X: np.ndarray, y: np.ndarray | None) -> Iterator[tuple[str, Any]]:
    """Yield what a fitted model says, by name."""
    said = () if y is None else (y,)
    yield "scores", model.score_samples(X, *said)
    if isinstance(model, AnomalyDetector):
        yield "threshold", np.asarray(model.threshold_)
        return
    timeless = [{k: v for k, v in row.items() if k != "seconds"} for row in model.history_]
    yield "history", json.dumps(timeless, sort_keys=True)
    yield "codes", model.transform(X)
    yield "copies", model.reconstruct(X, *said)
    yield "samples", model.sample(5, random_state=1)
    if hasattr(model, "log_likelihood"):
        yield "noise", model.sample(5, random_state=1, noise=True)
        yield "log-likelihood", model.log_likelihood(X, *said, n_importance_samples=7)


def trained() -> Iterator[tuple[str, Any, np.ndarray, np.ndarray | None]]:
    """Yield name, fitted model, test rows and their classes, if the model asks for them."""
    for name, (estimator, settings) in MODELS.items():
        X, y, X_test = rows_for(name, settings)
        model = estimator(**(SHORT | {"n_components": 3} | settings))
        if settings.get("conditional"):
            yield name, model.fit(X, y), X_test, y[:TEST]
        else:
            yield name, model.fit(X), X_test, None
    X, _, X_test = rows_for("", {})
    yield "detector", AnomalyDetector(random_state=0).fit(X), X_test, None
    inner = AnomalyDetector(Autoencoder(3, **SHORT), contamination=0.1)
    yield "detector, contaminated", inner.fit(X), X_test, None
    yield "memory map", _of_memory_map(X), X_test, None
    yield "resumed", _resumed(X), X_test, None
    yield "loaded", _loaded(X), X_test, None


def _of_memory_map(X: np.ndarray) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "rows.npy"), X)
        return Autoencoder(3, **SHORT).fit(np.load(Path(folder, "rows.npy"), mmap_mode="r"))


def _resumed(X: np.ndarray) -> Any:
    def stop(_: VariationalAutoencoder, row: dict[str, Any]) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with tempfile.TemporaryDirectory() as folder:
        settings: dict[str, Any] = SHORT | {"max_epochs": 4}
        with contextlib.suppress(KeyboardInterrupt):
            VariationalAutoencoder(3, **settings).fit(X, checkpoint_dir=folder, on_epoch=stop)
        return VariationalAutoencoder(3, **settings).fit(X, checkpoint_dir=folder)


def _loaded(X: np.ndarray) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        VariationalAutoencoder(3, **SHORT).fit(X).save(path)
        return load(path)


def digest(value: Any) -> str:
    """Return a short hash of a text, or of an array with its type and shape."""
    if not isinstance(value, str):
        value = np.ascontiguousarray(value)
        head = f"{value.dtype} {value.shape}".encode()
        return hashlib.sha256(head + value.tobytes()).hexdigest()[:16]
    return hashlib.sha256(value.encode()).hexdigest()[:16]


def measured(say: Callable[[str], None]) -> dict[str, dict[str, str]]:
    """Return the hashes of all models."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, model, X, y in trained():
            found[name] = {what: digest(value) for what, value in facts_of(model, X, y)}
            say(name)
    return found


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    todo = parser.add_mutually_exclusive_group(required=True)
    todo.add_argument("--write", type=Path, metavar="FILE")
    todo.add_argument("--compare", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    found = measured(lambda name: print(name, file=sys.stderr))
    if arguments.write:
        arguments.write.write_text(json.dumps(found, indent=1), encoding="utf-8")
        return 0
    before = json.loads(arguments.compare.read_text(encoding="utf-8"))
    differ = [
        f"{name}: {what}"
        for name in sorted(before.keys() | found.keys())
        for what in sorted(before.get(name, {}).keys() | found.get(name, {}).keys())
        if before.get(name, {}).get(what) != found.get(name, {}).get(what)
    ]
    n = sum(len(facts) for facts in found.values())
    print("\n".join(differ) or f"{len(found)} models, {n} facts: equal bit for bit")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
