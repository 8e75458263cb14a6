"""The models whose quality is measured, trained for about four wall minutes of a core.

Their settings were chosen on the validation part of the training rows by ``choose.py``; the lengths
are what one of two busy cores does in that time. The one for features takes what it needs.
"""

from __future__ import annotations

from typing import Any

from utsushi import Autoencoder, Recipe, VariationalAutoencoder
from utsushi.networks import Conv, Dense
from utsushi.transforms.augmentation import Affine

__all__ = ["LARGER_MOVES", "LARGE_MOVES", "MIDDLE_MOVES", "MODELS"]
__all__ += ["conv_for_features", "lecture_autoencoder", "lecture_variational", "recipe"]

DENSE = Dense(hidden=(1000,), output="sigmoid")
CONV = Conv(
    channels=(32, 64), hidden=(512,), activation="silu", output="sigmoid", initialization="uniform"
)

MIDDLE_MOVES = Affine(rotation=8, scale=0.06, shift=0.6, probability=0.6)
LARGE_MOVES = Affine(rotation=10, scale=0.1, shift=1.0, probability=0.8)
LARGER_MOVES = Affine(rotation=15, scale=0.15, shift=2.0, probability=0.9)


def recipe(
    max_epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float = 0.0,
    precision: str = "float32",
) -> Recipe:
    """Return one cycle of AdamW."""
    return Recipe(
        "lecture",
        max_epochs=max_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        schedule="one-cycle",
        betas=(0.9, 0.98),
        weight_decay=weight_decay,
        precision=precision,
    )


#: The pixels lie between 0 and 1, as what the decoders end with.
SHARED: dict[str, Any] = {"image_shape": (28, 28), "scaling": None, "augment": MIDDLE_MOVES}


def dense(seed: int) -> Autoencoder:
    """Return the dense autoencoder, 784-1000-10 and back."""
    return Autoencoder(
        10,
        network=DENSE,
        recipe=recipe(100, 200, 5e-3, 0.05),
        random_state=seed,
        **SHARED,
    )


def conv(seed: int) -> Autoencoder:
    """Return the convolutional autoencoder."""
    return Autoencoder(
        10,
        network=CONV,
        recipe=recipe(40, 128, 3e-3, precision="bfloat16"),
        random_state=seed,
        **SHARED,
    )


def dense_variational(seed: int) -> VariationalAutoencoder:
    """Return the dense variational autoencoder with a calibrated likelihood."""
    return VariationalAutoencoder(
        10,
        network=DENSE,
        recipe=recipe(100, 200, 3e-3, 0.05),
        random_state=seed,
        **SHARED,
    )


def conv_variational(seed: int) -> VariationalAutoencoder:
    """Return the convolutional variational autoencoder with a calibrated likelihood."""
    return VariationalAutoencoder(
        10,
        network=CONV,
        recipe=recipe(40, 128, 2e-3, precision="bfloat16"),
        random_state=seed,
        **SHARED,
    )


def conv_for_features(seed: int) -> Autoencoder:
    """Return the convolutional autoencoder whose codes are to tell digits apart.

    It is shown larger moves, for longer, than copies of digits would ask for.
    """
    return Autoencoder(
        10,
        network=Conv(channels=(32, 64), hidden=(512,), activation="silu", initialization="uniform"),
        recipe=recipe(120, 128, 3e-3, precision="bfloat16"),
        random_state=seed,
        image_shape=(28, 28),
        augment=LARGER_MOVES,
    )


def lecture_autoencoder(seed: int) -> Autoencoder:
    """Return the lecture's autoencoder."""
    return Autoencoder(sampler="gaussian", recipe="lecture", random_state=seed)


def lecture_variational(seed: int) -> VariationalAutoencoder:
    """Return the lecture's variational autoencoder."""
    return VariationalAutoencoder(
        likelihood="unit-gaussian", sampler="prior", recipe="lecture", random_state=seed
    )


def default_autoencoder(seed: int) -> Autoencoder:
    """Return the autoencoder with every setting at its default."""
    return Autoencoder(random_state=seed)


def default_variational(seed: int) -> VariationalAutoencoder:
    """Return the variational autoencoder with every setting at its default."""
    return VariationalAutoencoder(random_state=seed)


def default_conditional(seed: int) -> VariationalAutoencoder:
    """Return the conditional variational autoencoder with every other setting at its default."""
    return VariationalAutoencoder(conditional=True, random_state=seed)


#: By name, the makers of unfitted models by seed.
MODELS: dict[str, Any] = {
    "dense": dense,
    "conv": conv,
    "dense-vae": dense_variational,
    "conv-vae": conv_variational,
}
