"""The lecture's networks as three other libraries train them, epoch by epoch.

All have 784-1000-10 and back with ReLU, batches of 100 and Adam at 1e-3 without decay, batch norm
or dropout. What differs is where a ReLU stands around the code. They are not needed to use Utsushi:
``pip install pythae==0.1.2 pyod==3.6.7 autoencoders==0.6.8``.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

N_HIDDEN, N_COMPONENTS, BATCH_SIZE, RATE = 1000, 10, 100, 1e-3

#: Where the libraries want to write; it goes with the process.
FOLDER = tempfile.TemporaryDirectory()


class Training(NamedTuple):
    """A training that another library makes."""

    epoch: Callable[[], object]
    """Train one epoch."""
    reconstruct: Callable[[Tensor], Tensor]
    """Reconstruct rows, float32 of shape (n, D)."""

    def seconds_of_epoch(self) -> float:
        """Train an epoch in silence and return its seconds."""
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            started = time.perf_counter()
            self.epoch()
            return time.perf_counter() - started


def pythae(kind: str, rows: np.ndarray) -> Training:
    """Train by Pythae's trainer."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import AE, VAE, AEConfig, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    n_features = rows.shape[1]

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = nn.Linear(n_features, N_HIDDEN)
            self.mean = nn.Linear(N_HIDDEN, N_COMPONENTS)
            self.log_variance = nn.Linear(N_HIDDEN, N_COMPONENTS) if kind == "vae" else None

        def forward(self, x: Tensor) -> ModelOutput:
            hidden = torch.relu(self.hidden(x))
            if self.log_variance is None:
                return ModelOutput(embedding=self.mean(hidden))
            return ModelOutput(
                embedding=self.mean(hidden), log_covariance=self.log_variance(hidden)
            )

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(
                nn.Linear(N_COMPONENTS, N_HIDDEN), nn.ReLU(), nn.Linear(N_HIDDEN, n_features)
            )

        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.layers(z))

    settings = {"input_dim": (n_features,), "latent_dim": N_COMPONENTS}
    if kind == "vae":
        model = VAE(VAEConfig(reconstruction_loss="mse", **settings), Encoder(), Decoder())
    else:
        model = AE(AEConfig(**settings), Encoder(), Decoder())
    x = torch.tensor(rows, dtype=torch.float32)
    config = BaseTrainerConfig(
        output_dir=FOLDER.name,
        per_device_train_batch_size=BATCH_SIZE,
        learning_rate=RATE,
        num_epochs=2,
    )
    trainer = BaseTrainer(model, BaseDataset(x, torch.zeros(len(x))), training_config=config)
    trainer.prepare_training()
    return Training(
        lambda: trainer.train_step(1),
        lambda x: model.decoder(model.encoder(x).embedding).reconstruction,
    )


def pyod(kind: str, rows: np.ndarray, *, batch_norm: bool = False) -> Training:
    """Train by PyOD's detector, without dropout."""
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.vae import VAE
    from pyod.utils.torch_utility import TorchDataset

    settings = {
        "preprocessing": False,
        "lr": RATE,
        "epoch_num": 1,
        "batch_size": BATCH_SIZE,
        "batch_norm": batch_norm,
        "dropout_rate": 0.0,
        "optimizer_params": {},
        "verbose": 0,
    }
    if kind == "vae":
        detector = VAE(
            encoder_neuron_list=[N_HIDDEN],
            decoder_neuron_list=[N_HIDDEN],
            latent_dim=N_COMPONENTS,
            **settings,
        )
    else:
        detector = AutoEncoder(hidden_neuron_list=[N_HIDDEN, N_COMPONENTS], **settings)
    detector.data_num, detector.feature_size = rows.shape
    detector.build_model()
    detector.training_prepare()
    loader = DataLoader(TorchDataset(X=rows), batch_size=BATCH_SIZE, shuffle=True, drop_last=True)

    def reconstruct(x: Tensor) -> Tensor:
        output = detector.model.eval()(x)
        return output[0] if kind == "vae" else output

    return Training(lambda: (detector.model.train(), detector.train(loader)), reconstruct)


def autoencoders(kind: str, rows: np.ndarray) -> Training:
    """Train by the trainer of ``autoencoders``."""
    from autoencoders import (
        AETrainer,
        AutoencoderConfig,
        AutoencoderModel,
        TrainingConfig,
        VAETrainer,
        VariationalAutoencoderConfig,
        VariationalAutoencoderModel,
    )
    from autoencoders.data.base import TensorSpec

    classes = {
        "ae": (AutoencoderConfig, AutoencoderModel, AETrainer),
        "vae": (VariationalAutoencoderConfig, VariationalAutoencoderModel, VAETrainer),
    }
    config, model_class, trainer_class = classes[kind]
    decoder = nn.Sequential(
        nn.Linear(N_COMPONENTS, N_HIDDEN), nn.ReLU(), nn.Linear(N_HIDDEN, rows.shape[1])
    )
    model = model_class(
        config=config(latent_dim=N_COMPONENTS),
        sample_spec=TensorSpec((rows.shape[1],)),
        encoder="mlp",
        # Its last layer has no ReLU: of one layer alone the encoder would be linear.
        encoder_config={"hidden_dims": [N_HIDDEN, N_COMPONENTS] if kind == "ae" else [N_HIDDEN]},
        decoder=None if kind == "ae" else decoder,
    )
    arguments = TrainingConfig(
        output_dir=FOLDER.name, batch_size=BATCH_SIZE, learning_rate=RATE, device="cpu"
    )
    trainer = trainer_class(model, arguments)
    loader = DataLoader(
        torch.tensor(rows, dtype=torch.float32), batch_size=BATCH_SIZE, shuffle=True
    )
    return Training(lambda: trainer.train_epoch(loader), lambda x: model(x).reconstruction)


#: By name, what starts a training of "ae" or "vae" on rows.
PEERS: dict[str, Callable[[str, np.ndarray], Training]] = {
    "pythae": pythae,
    "pyod": pyod,
    "autoencoders": autoencoders,
}
