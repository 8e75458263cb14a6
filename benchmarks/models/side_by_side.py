"""Every model that Pythae has too: the same digits, networks, epochs and batches, in one run.

    pip install pythae==0.1.2
    OMP_NUM_THREADS=1 python benchmarks/models/side_by_side.py [--models NAME …] [--seeds 0 1 2]
    python benchmarks/models/side_by_side.py --show

Both sides train 784-400-10 and back with ReLU, ten epochs of batches of 100 by Adam at 1e-3, on the
lecture's 16,000 training digits, with the same strengths where both have the same parameter. The
figures are of its 4,000 test digits and are computed by the same code for both: the mean squared
``error`` through the mean code, the ``Fréchet`` distance of 4,000 samples (from the prior, or for
an autoencoder without one from a mixture of ten Gaussians over the training codes), and the
processor ``seconds`` of an epoch. Results are added to ``benchmarks/results/side_by_side.json``;
``--show`` prints the table of those that are there.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from utsushi import Autoencoder, VariationalAutoencoder, VectorQuantizedAutoencoder, datasets
from utsushi import objectives as o
from utsushi.evaluation import frechet_distance
from utsushi.networks import VectorQuantization

RESULTS = Path(__file__).parents[1] / "results" / "side_by_side.json"
N_HIDDEN, N_COMPONENTS, N_EPOCHS, BATCH_SIZE, RATE = 400, 10, 10, 100, 1e-3
N_SAMPLES = 4000

#: By the name in Pythae: its settings, and what a user of Utsushi writes.
MODELS: dict[str, tuple[dict[str, Any], type, dict[str, Any]]] = {
    "AE": ({}, Autoencoder, {}),
    "RAE_L2": ({}, Autoencoder, {"penalty": "code-and-weights"}),
    "RAE_GP": ({}, Autoencoder, {"penalty": "decoder-gradient"}),
    "WAE_MMD": ({}, Autoencoder, {"penalty": "mmd", "sampler": "prior"}),
    "Adversarial_AE": ({}, Autoencoder, {"penalty": "adversarial", "sampler": "prior"}),
    "VQVAE": (
        {"num_embeddings": 512},
        VectorQuantizedAutoencoder,
        {"bottleneck": VectorQuantization(codebook_size=512, group_size=N_COMPONENTS)},
    ),
    "VAE": ({}, VariationalAutoencoder, {}),
    "BetaVAE": ({"beta": 4.0}, VariationalAutoencoder, {"beta": 4.0}),
    "DisentangledBetaVAE": (
        {"beta": 10.0, "C": 25.0, "warmup_epoch": 8},
        VariationalAutoencoder,
        {"objective": o.CapacityAnnealed(capacity=25.0, n_epochs=8.0, strength=10.0)},
    ),
    "FactorVAE": ({"gamma": 10.0}, VariationalAutoencoder, {"objective": o.FactorVAE(strength=10)}),
    "BetaTCVAE": ({"beta": 5.0}, VariationalAutoencoder, {"objective": o.BetaTC(strength=5.0)}),
    "INFOVAE_MMD": ({}, VariationalAutoencoder, {"objective": "info"}),
    "IWAE": (
        {"number_samples": 5},
        VariationalAutoencoder,
        {"objective": o.ImportanceWeighted(n_samples=5)},
    ),
    "MIWAE": (
        {"number_samples": 5, "number_gradient_estimates": 3},
        VariationalAutoencoder,
        {"objective": o.ImportanceWeighted(n_samples=5, n_estimates=3)},
    ),
    "PIWAE": (
        {"number_samples": 5, "number_gradient_estimates": 3},
        VariationalAutoencoder,
        {"objective": o.PartiallyImportanceWeighted(n_samples=5, n_estimates=3)},
    ),
    "CIWAE": (
        {"number_samples": 5, "beta": 0.5},
        VariationalAutoencoder,
        {"objective": o.CombinedImportanceWeighted(n_samples=5, elbo_share=0.5)},
    ),
    "VAMP": ({"number_components": 50}, VariationalAutoencoder, {"prior": "vamp"}),
    "VAE_IAF": ({}, VariationalAutoencoder, {"posterior": "inverse-autoregressive-flow"}),
    "VAEGAN": ({}, VariationalAutoencoder, {"objective": "adversarial"}),
}

#: Models whose codes follow no prior: both sides are sampled from a mixture.
WITHOUT_PRIOR = {"AE", "RAE_L2", "RAE_GP", "VQVAE"}

Map = Callable[[np.ndarray], np.ndarray]
Figures = dict[str, float]


def figures_of(
    name: str, seconds: float, encode: Map, decode: Map, samples: np.ndarray | None, seed: int
) -> Figures:
    """Return the figures of a trained model by its maps from digits to codes and back."""
    digits = datasets.load_mnist20k()
    if samples is None:
        mixture = GaussianMixture(10, random_state=seed).fit(encode(digits.X_train))
        mixture.random_state = seed + 1
        samples = decode(mixture.sample(N_SAMPLES)[0].astype(np.float32))
    copies = decode(encode(digits.X_test))
    return {
        "error": float(np.square(copies - digits.X_test).mean()),
        "Fréchet": float(frechet_distance(np.clip(samples, 0, 1), digits.X_test)),
        "seconds": seconds / N_EPOCHS,
    }


def ours(name: str, seed: int) -> Figures:
    """Train by Utsushi."""
    _, cls, settings = MODELS[name]
    X = datasets.load_mnist20k().X_train
    common = {"hidden": (N_HIDDEN,), "recipe": "lecture", "max_epochs": N_EPOCHS}
    if cls is VariationalAutoencoder:
        common |= {"likelihood": "unit-gaussian", "sampler": "prior"}
    model = cls(N_COMPONENTS, random_state=seed, **{**common, **settings})
    started = time.process_time()
    model.fit(X)
    seconds = sum(row["seconds"] for row in model.history_)
    seconds = min(seconds, time.process_time() - started)
    if name == "VQVAE":
        samples = model.sample(N_SAMPLES, random_state=seed)
        return figures_of(name, seconds, model.reconstruct, np.asarray, samples, seed)
    samples = None if name in WITHOUT_PRIOR else model.sample(N_SAMPLES, random_state=seed)
    return figures_of(name, seconds, model.transform, model.inverse_transform, samples, seed)


def theirs(name: str, seed: int) -> Figures:
    """Train by Pythae."""
    import pythae.models
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.pipelines import TrainingPipeline

    cls = getattr(pythae.models, name)
    config = getattr(pythae.models, f"{name}Config", None) or getattr(
        pythae.models, f"{name}_Config"
    )
    is_variational = MODELS[name][1] is VariationalAutoencoder

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = nn.Linear(784, N_HIDDEN)
            self.mean = nn.Linear(N_HIDDEN, N_COMPONENTS)
            self.log_variance = nn.Linear(N_HIDDEN, N_COMPONENTS) if is_variational else None

        def forward(self, x: Tensor) -> ModelOutput:
            hidden = torch.relu(self.hidden(x.reshape(len(x), -1)))
            if self.log_variance is None:
                return ModelOutput(embedding=self.mean(hidden))
            return ModelOutput(
                embedding=self.mean(hidden), log_covariance=self.log_variance(hidden)
            )

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(
                nn.Linear(N_COMPONENTS, N_HIDDEN), nn.ReLU(), nn.Linear(N_HIDDEN, 784)
            )

        def forward(self, z: Tensor, output_layer_levels: list[int] | None = None) -> ModelOutput:
            return ModelOutput(reconstruction=self.layers(z))

    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (Pythae draws from it)
    settings = {"input_dim": (784,), "latent_dim": N_COMPONENTS, **MODELS[name][0]}
    model = cls(config(**settings), encoder=Encoder(), decoder=Decoder())
    with tempfile.TemporaryDirectory() as folder:
        pipeline = TrainingPipeline(model=model, training_config=_training(name, folder, seed))
        X = datasets.load_mnist20k().X_train
        started = time.process_time()
        pipeline(train_data=X)
        seconds = time.process_time() - started
        model = pipeline.model.eval()

    @torch.no_grad()
    def encode(rows: np.ndarray) -> np.ndarray:
        return model.encoder(torch.tensor(rows)).embedding.numpy()

    @torch.no_grad()
    def decode(codes: np.ndarray) -> np.ndarray:
        return model.decoder(torch.tensor(codes)).reconstruction.numpy()

    if name == "VQVAE":
        return figures_of(name, seconds, _quantized(model), np.asarray, _drawn(model, seed), seed)
    samples = None
    if name not in WITHOUT_PRIOR:
        samples = decode(_codes(name, model, seed))
    return figures_of(name, seconds, encode, decode, samples, seed)


@torch.no_grad()
def _codes(name: str, model: Any, seed: int) -> np.ndarray:
    """Return codes drawn from the prior of a model of Pythae."""
    if name == "VAMP":
        torch.manual_seed(seed)
        means = model.encoder(model.pseudo_inputs(model.idle_input.to("cpu")))
        chosen = torch.randint(len(means.embedding), (N_SAMPLES,))
        mean, deviation = means.embedding[chosen], (0.5 * means.log_covariance[chosen]).exp()
        return (mean + deviation * torch.randn_like(mean)).numpy()
    return np.random.default_rng(seed).standard_normal((N_SAMPLES, N_COMPONENTS)).astype("float32")


def _quantized(model: Any) -> Map:
    """Return the reconstruction of a quantizing model of Pythae."""

    @torch.no_grad()
    def reconstruct(rows: np.ndarray) -> np.ndarray:
        blocks = torch.tensor(rows).split(1000)
        parts = [model.predict(x).recon_x.reshape(len(x), -1) for x in blocks]
        return torch.cat(parts).numpy()

    return reconstruct


def _drawn(model: Any, seed: int) -> np.ndarray:
    """Return samples of a model of one symbol: reconstructions have the symbols' frequencies."""
    X = datasets.load_mnist20k().X_train
    chosen = np.random.default_rng(seed).choice(len(X), N_SAMPLES, replace=False)
    return _quantized(model)(X[chosen])


def _training(name: str, folder: str, seed: int) -> Any:
    """Return the settings of the trainer that Pythae has for a model."""
    from pythae import trainers

    common: dict[str, Any] = {
        "output_dir": folder,
        "num_epochs": N_EPOCHS,
        "per_device_train_batch_size": BATCH_SIZE,
        "seed": seed,
        "no_cuda": True,
    }
    if name in ("RAE_L2",):
        rates = {"encoder_learning_rate": RATE, "decoder_learning_rate": RATE}
        return trainers.CoupledOptimizerTrainerConfig(**common, **rates)
    if name == "VAEGAN":
        rates = {f"{part}_learning_rate": RATE for part in ("encoder", "decoder", "discriminator")}
        return trainers.CoupledOptimizerAdversarialTrainerConfig(**common, **rates)
    if name in ("Adversarial_AE", "FactorVAE"):
        rates = {f"{part}_learning_rate": RATE for part in ("autoencoder", "discriminator")}
        return trainers.AdversarialTrainerConfig(**common, **rates)
    return trainers.BaseTrainerConfig(**common, learning_rate=RATE)


def show(found: dict[str, dict[str, list[Figures]]]) -> None:
    """Print a row for each model: the mean of each figure and its deviation over the seeds."""
    print(
        "| model | error, ours | Pythae's | Fréchet, ours | Pythae's | seconds, ours of Pythae's |"
    )
    print("|---|---|---|---|---|---|")
    for name, sides in found.items():
        cells = []
        for figure, digits in (("error", 4), ("Fréchet", 1)):
            for side in ("ours", "theirs"):
                values = [row[figure] for row in sides[side]]
                cells.append(f"{np.mean(values):.{digits}f} ± {np.std(values):.{digits}f}")
        pairs = zip(sides["ours"], sides["theirs"], strict=True)
        cells.append(f"{np.median([a['seconds'] / b['seconds'] for a, b in pairs]):.2f}")
        print(f"| {name} | {' | '.join(cells)} |")


def main() -> None:
    """Train each pair in turn, and keep what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--show", action="store_true")
    arguments = parser.parse_args()
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if not arguments.show:
        logging.disable(logging.INFO)
        warnings.simplefilter("ignore")
        for seed in arguments.seeds:
            for name in arguments.models:
                sides = found.setdefault(name, {"ours": [], "theirs": []})
                for side, train in (("ours", ours), ("theirs", theirs)):
                    silent = io.StringIO()
                    with contextlib.redirect_stderr(silent), contextlib.redirect_stdout(silent):
                        figures = train(name, seed)
                    sides[side].append({"seed": seed, **figures})
                    print(name, side, seed, json.dumps(figures), flush=True)
                RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    show(found)


if __name__ == "__main__":
    main()
