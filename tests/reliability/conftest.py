"""What the tests of `docs/reliability.md` share; `make soak` runs them in their long form."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from utsushi import Autoencoder, DenoisingAutoencoder, Recipe, VariationalAutoencoder
from utsushi.networks import Conv
from utsushi.objectives import ELBO

#: Whether to run the long forms.
SOAK = os.environ.get("UTSUSHI_SOAK") == "1"

IMAGES = np.random.default_rng(5).random((22, 64), dtype=np.float32)

BATCHES = Recipe(batch_size=8)
STOPPING = Recipe(batch_size=8, learning_rate=0.05, validation_fraction=0.3, early_stopping=2)
FEW = {"recipe": BATCHES, "max_epochs": 3, "random_state": 3, "verbose": 0}
CONV = {"network": Conv(channels=(2, 4)), "image_shape": (8, 8), "augment": "affine"}

#: Models whose trainings differ in what they have to remember.
MODELS = {
    "ae": lambda: Autoencoder(3, hidden=(8,), **FEW),
    "vae": lambda: VariationalAutoencoder(
        3, hidden=(8,), objective=ELBO(kl_warmup_epochs=2), **FEW
    ),
    "conv": lambda: VariationalAutoencoder(3, hidden=(8,), **CONV, **FEW),
    "denoising": lambda: DenoisingAutoencoder(3, hidden=(8,), corruption="masking", **FEW),
    "early stopping": lambda: Autoencoder(3, hidden=(8,), **FEW | {"recipe": STOPPING}),
    "subspace": lambda: Autoencoder(3, hidden=(8,), **FEW),
    "conditional": lambda: VariationalAutoencoder(3, hidden=(8,), conditional=True, **FEW),
}


def rows_of(name):
    """Give the rows and classes that a model of `MODELS` is trained on."""
    if name == "subspace":  # 200 columns that 20 directions tell
        turned = np.random.default_rng(6).random((20, 200), dtype=np.float32)
        return IMAGES[:, :20] @ turned, None
    return IMAGES, np.arange(22) % 2 if name == "conditional" else None


@pytest.fixture
def soak():
    """Whether to run the long forms."""
    return SOAK


@pytest.fixture(params=MODELS)
def case(request):
    """Give the name of a model, a way to make it anew, and its rows and classes."""
    return request.param, MODELS[request.param], *rows_of(request.param)


@pytest.fixture
def content(tmp_path):
    """Give the bytes of a model's file and its history without the clock."""

    def of(model):
        file = model.save(tmp_path / "content.safetensors")
        clockless = [{k: v for k, v in row.items() if k != "seconds"} for row in model.history_]
        return file.read_bytes(), repr(clockless)  # in the order of its columns

    return of


@pytest.fixture
def memory_watched():
    """Fail if a test takes 500 MB more than there were."""
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")  # the peak counts from now on
    start = peak()
    yield
    assert peak() - start < 500 * 2**20


def peak():
    """Give the largest resident set since it was cleared, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource  # which Windows does not have

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
