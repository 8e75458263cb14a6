"""The base class of the lecture's sections, and their input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets import Dataset
from utsushi.estimators import AnomalyDetector, BaseAutoencoder
from utsushi.estimators.capabilities import is_autoencoder
from utsushi.evaluation import PCABaseline
from utsushi.runs import CaptionedFigure

__all__ = ["IMAGE_SHAPE", "LectureSection", "Model", "Rows", "Study"]

#: Height and width of the lecture's images.
IMAGE_SHAPE = (28, 28)

Model = BaseAutoencoder | AnomalyDetector
Rows = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Study:
    """Hold the input of a section.

    Attributes
    ----------
    digits : Dataset
        The lecture's 20,000 images in its split, with labels.
    pca : PCABaseline
        PCA of the training samples, with as many components as the codes.
    models : dict of str to fitted model
        "autoencoder", "variational" and the models of earlier sections.
    metrics : dict of str to dict
        The metrics of the lecture's two models; see `utsushi.lecture.Experiment`.
    random_state, max_epochs, verbose : int
        The arguments of `utsushi.lecture.run_lecture`.
    """

    digits: Dataset
    pca: PCABaseline
    models: dict[str, Model]
    metrics: Mapping[str, Mapping[str, Mapping[str, Any]]]
    random_state: int
    max_epochs: int
    verbose: int

    @property
    def test_rows(self) -> Rows:
        """The test samples."""
        assert self.digits.X_test is not None  # the bundled digits have a test part
        return self.digits.X_test

    @property
    def y_train(self) -> NDArray[Any]:
        """The labels of the training samples."""
        assert self.digits.y_train is not None
        return self.digits.y_train

    @property
    def y_test(self) -> NDArray[Any]:
        """The labels of the test samples."""
        assert self.digits.y_test is not None
        return self.digits.y_test

    def model(self, name: str) -> BaseAutoencoder:
        """Return an autoencoder by its name."""
        model = self.models[name]
        assert is_autoencoder(model)
        return model

    def settings(self, *, epochs: int | None = None) -> dict[str, Any]:
        """Return the lecture's settings: layers 784-1000-10, Adam at 1e-3.

        With ``epochs``, the recipe is "fast" with at most that many epochs.
        """
        lengths = [self.max_epochs] if epochs is None else [self.max_epochs, epochs]
        return {
            "n_components": self.pca.n_components,
            "hidden": (1000,),
            "image_shape": IMAGE_SHAPE,
            "scaling": "center",
            "recipe": "lecture" if epochs is None else "fast",
            "max_epochs": min(lengths),
            "random_state": self.random_state,
            "verbose": self.verbose,
        }


class LectureSection(ABC):
    """Define the models, metrics, figures and texts of a section.

    Attributes
    ----------
    name : str
        The name of its group in ``metrics.json``, and the prefix of its figures' files.
    texts : mapping of str to mapping of str to str
        By language: ``title``, ``lead``, a text for each model by its name, for each row of the
        table by its key, and for the figures.
    """

    name: ClassVar[str]
    texts: ClassVar[Mapping[str, Mapping[str, str]]]

    def train(self, study: Study) -> dict[str, Model]:
        """Return the fitted models by the names of their files, or an empty dict.

        Test samples may be evaluated after each epoch, as in the lecture, but influence nothing.
        """
        return {}

    @abstractmethod
    def measure(self, study: Study) -> dict[str, Any]:
        """Return metrics on the test samples, ready for JSON."""

    @abstractmethod
    def rows(self, metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the rows of the table: a key of the texts and a formatted number."""

    @abstractmethod
    def figures(self, study: Study) -> Iterator[CaptionedFigure]:
        """Draw the figures, with captions of `texts`."""
