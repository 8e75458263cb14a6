"""A small digit classifier, bundled with the package, whose features compare sets of images.

Distances between sets of images are computed between features, not pixels. The literature uses the
features of a network of 90 MB that was trained on photographs; this network has half a megabyte and
was trained on the bundled digits.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from utsushi.estimators.inference import map_rows
from utsushi.exceptions import ModelFileError, SettingError

__all__ = ["CHECKSUM", "DigitClassifier", "digit_network"]

#: SHA-256 of the weights inside the package. Distances are comparable under one file only.
CHECKSUM = "bb5b4e0c08b78e028e2da30da0e2721fdd98db29dacf932c5ae95f3c5c2f8539"

Rows = NDArray[np.floating[Any]]


def digit_network() -> nn.Sequential:
    """Build the network, after LeNet-5: two convolutions and three dense layers.

    It maps pixels (B, 784) in [0, 1] to the logits (B, 10) of the digits; without the last layer,
    to the 84 non-negative features. LeCun et al. 1998, *Gradient-Based Learning
    Applied to Document Recognition*, https://doi.org/10.1109/5.726791

    Returns
    -------
    Sequential
        With initial parameters; load the weights into them.

    Examples
    --------
    >>> sum(p.numel() for p in digit_network().parameters())
    120382
    """
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 16, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, kernel_size=5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(800, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


class DigitClassifier:
    """Compute features of 28x28 digits with the bundled classifier.

    Raises
    ------
    ModelFileError
        If the file inside the package is missing or damaged.

    Examples
    --------
    >>> from utsushi import datasets
    >>> digits = datasets.load_mnist20k()
    >>> classifier = DigitClassifier()
    >>> classifier.predict(digits.X_test[:5]) == digits.y_test[:5]
    array([ True,  True,  True,  True,  True])
    >>> classifier(digits.X_test[:5]).shape
    (5, 84)
    """

    def __init__(self) -> None:
        # Without memory for the parameters: nothing is drawn from torch's global generator.
        with torch.device("meta"):
            network = digit_network()
        state = {name: torch.from_numpy(value) for name, value in _read_weights().items()}
        network.load_state_dict(state, assign=True)
        self._network = network.eval()

    def __call__(self, X: Rows) -> NDArray[np.float32]:
        """Return the features of samples: the output of the penultimate layer.

        Parameters
        ----------
        X : ndarray of shape (n, 784), n >= 1
            Pixels in [0, 1]. Other values are clipped: they would change the features more than
            any stroke does.

        Returns
        -------
        ndarray of shape (n, 84), float32, non-negative
        """
        return self._map(X, self._network[:-1])

    def predict(self, X: Rows) -> NDArray[np.int64]:
        """Return the most probable digit, 0 to 9, of each sample of ``X`` (n, 784)."""
        digits: NDArray[np.int64] = self._map(X, self._network).argmax(axis=1)
        return digits

    def __repr__(self) -> str:
        return f"DigitClassifier({CHECKSUM[:8]})"

    def _map(self, X: Rows, network: nn.Module) -> NDArray[np.float32]:
        if X.ndim != 2 or X.shape[1] != 784:
            raise SettingError(
                "X must have the shape (n, 784), images of 28x28, for the digit classifier, got "
                f"{X.shape}. Pass an extractor for these samples."
            )
        return map_rows(
            X, lambda x: x.clip(0, 1).astype(np.float32), lambda x, _: network(x), "cpu"
        )


def _read_weights() -> dict[str, NDArray[np.float32]]:
    """Read the bundled weights and verify their checksum."""
    from safetensors.numpy import load

    resource = files("utsushi.evaluation") / "bundled" / "digit_classifier.safetensors"
    try:
        content = resource.read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"the bundled digit classifier {resource} cannot be read ({error.strerror}). Reinstall "
            "utsushi."
        ) from None
    checksum = hashlib.sha256(content).hexdigest()
    if checksum != CHECKSUM:
        raise ModelFileError(
            f"{resource} is damaged: its SHA-256 must begin with {CHECKSUM[:8]}, got "
            f"{checksum[:8]}. Reinstall utsushi."
        )
    weights: dict[str, NDArray[np.float32]] = load(content)
    return weights
