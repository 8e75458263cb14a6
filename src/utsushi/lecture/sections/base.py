"""What a section of the lecture is, and what it may look at."""

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
    """What a section may look at.

    Attributes
    ----------
    digits : Dataset
        The lecture's 20,000 images in its split, with test rows and labels.
    pca : PCABaseline
        PCA of the training rows with as many components as the codes have numbers.
    models : dict of str to fitted model
        "autoencoder", "variational" and what the sections before have trained.
    metrics : dict of str to dict
        What was measured of the lecture's two models; see `utsushi.lecture.Experiment`.
    random_state, max_epochs, verbose : int
        As `utsushi.lecture.run_lecture` was given them.
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
        """The test rows."""
        assert self.digits.X_test is not None  # the bundled digits have test rows
        return self.digits.X_test

    @property
    def y_train(self) -> NDArray[Any]:
        """The digits that the training rows show."""
        assert self.digits.y_train is not None
        return self.digits.y_train

    @property
    def y_test(self) -> NDArray[Any]:
        """The digits that the test rows show."""
        assert self.digits.y_test is not None
        return self.digits.y_test

    def model(self, name: str) -> BaseAutoencoder:
        """Return an autoencoder by its name."""
        found = self.models[name]
        assert is_autoencoder(found)
        return found

    def settings(self, *, epochs: int | None = None) -> dict[str, Any]:
        """Return the lecture's settings: 784-1000-10 and back, Adam at 1e-3.

        ``epochs`` is a bound that takes the place of the lecture's 30 where the training follows
        another recipe; fewer are made where fewer were asked for.
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
    """Models to train, what to measure of them, figures, and the words for all of it.

    Attributes
    ----------
    name : str
        Names its group in ``metrics.json`` and its figures' files.
    texts : mapping of str to mapping of str to str
        By language: ``title``, ``lead``, a text for each model under its name, one for each row of
        the table under its key, and whatever the figures need.
    """

    name: ClassVar[str]
    texts: ClassVar[Mapping[str, Mapping[str, str]]]

    def train(self, study: Study) -> dict[str, Model]:
        """Return the fitted models by the names of their files; none where none is needed.

        Test rows may be looked at after each epoch, as the lecture does, and decide nothing.
        """
        return {}

    @abstractmethod
    def measure(self, study: Study) -> dict[str, Any]:
        """Return measurements on the test rows, ready for JSON."""

    @abstractmethod
    def rows(self, measured: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the rows of the table: a key of the texts and the number as it is printed."""

    @abstractmethod
    def figures(self, study: Study) -> Iterator[CaptionedFigure]:
        """Draw the figures, with captions of `texts`."""
