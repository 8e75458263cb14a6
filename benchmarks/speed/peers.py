"""One epoch of the lecture's networks as three other libraries train them.

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

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

N_HIDDEN, N_COMPONENTS, BATCH_SIZE, RATE = 1000, 10, 100, 1e-3


def seconds_of_second(epoch: Callable[[], object]) -> float:
    """Run an epoch twice, in silence, and return the seconds of the second one."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        epoch()
        started = time.perf_counter()
        epoch()
        return time.perf_counter() - started


def pythae_epoch(kind: str, rows: np.ndarray) -> float:
    """Return the seconds of an epoch of Pythae's trainer."""
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
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            per_device_train_batch_size=BATCH_SIZE,
            learning_rate=RATE,
            num_epochs=2,
        )
        trainer = BaseTrainer(model, BaseDataset(x, torch.zeros(len(x))), training_config=config)
        trainer.prepare_training()
        return seconds_of_second(lambda: trainer.train_step(1))


def pyod_epoch(kind: str, rows: np.ndarray) -> float:
    """Return the seconds of an epoch of PyOD's detector, without batch norm and dropout."""
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.vae import VAE
    from pyod.utils.torch_utility import TorchDataset

    settings = {
        "preprocessing": False,
        "lr": RATE,
        "epoch_num": 1,
        "batch_size": BATCH_SIZE,
        "batch_norm": False,
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
    return seconds_of_second(lambda: detector.train(loader))


def autoencoders_epoch(kind: str, rows: np.ndarray) -> float:
    """Return the seconds of an epoch of the trainer of ``autoencoders``."""
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
        encoder_config={"hidden_dims": [N_HIDDEN]},
        decoder=None if kind == "ae" else decoder,
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingConfig(
            output_dir=folder, batch_size=BATCH_SIZE, learning_rate=RATE, device="cpu"
        )
        trainer = trainer_class(model, arguments)
        loader = DataLoader(
            torch.tensor(rows, dtype=torch.float32), batch_size=BATCH_SIZE, shuffle=True
        )
        return seconds_of_second(lambda: trainer.train_epoch(loader))


PEERS: dict[str, Callable[[str, np.ndarray], float]] = {
    "pythae": pythae_epoch,
    "pyod": pyod_epoch,
    "autoencoders": autoencoders_epoch,
}
