"""The report of a detection: the most abnormal samples, and why they are abnormal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.estimators import AnomalyDetector, Explanation
from utsushi.report import Page, Paragraph, Picture, Section, Table, languages_from, render
from utsushi.report.page import Item
from utsushi.runs.texts import TEXTS

__all__ = ["Detection", "anomaly_report"]


@dataclass(frozen=True)
class Detection:
    """Hold the scores of a source, and the explanations of its most abnormal samples.

    Attributes
    ----------
    detector : fitted AnomalyDetector
    source : str
        The name of the data.
    scores : ndarray of shape (n,)
        Of all samples.
    worst : ndarray of shape (k,), int
        The places of the samples to show, the most abnormal first.
    explanation : Explanation
        Of these k samples.
    p_values : ndarray of shape (k,), optional
        Of these k samples.
    labels : ndarray of shape (k,), optional
        Of these k samples.
    picture : bytes, optional
        The k images, what is expected of them and the contributions of their pixels, as a PNG file;
        None for tables.
    """

    detector: AnomalyDetector
    source: str
    scores: NDArray[Any]
    worst: NDArray[np.intp]
    explanation: Explanation
    p_values: NDArray[Any] | None = None
    labels: NDArray[Any] | None = None
    picture: bytes | None = None


def anomaly_report(detection: Detection, *, language: str = "en") -> str:
    """Return the report of a detection as one HTML file.

    Parameters
    ----------
    detection : Detection
    language : {"en", "ja"}
        The language that the report shows first; it contains both.

    Returns
    -------
    str
        For each of the samples to show, the columns that contribute most to its score, their values
        and what was expected; for images a picture with the contributions of the pixels.
    """
    pages = {name: _page(detection, name) for name in languages_from(language)}
    return render(pages)


def _page(detection: Detection, language: str) -> Page:
    words = TEXTS[language]
    offset, scoring = detection.detector.offset_, detection.detector.scoring_
    lead = words["anomaly_lead"].format(
        n_samples=f"{len(detection.scores):,}",
        n_outliers=f"{int((detection.scores < offset).sum()):,}",
        scoring=scoring if isinstance(scoring, str) else " + ".join(scoring),
        threshold=f"{offset:.4g}",
    )
    items = _tables if detection.picture is None else _images
    return Page(
        title=words["anomaly_title"].format(data=detection.source),
        lead=lead,
        language=language,
        sections=(Section(words["anomaly_worst"], tuple(items(detection, language, words))),),
    )


def _tables(detection: Detection, language: str, words: Mapping[str, str]) -> list[Item]:
    """Return a table for each sample."""
    explanation = detection.explanation
    head = tuple(words[f"anomaly_{name}"] for name in ("column", "value", "expected", "share"))
    tables = []
    for place, row in enumerate(detection.worst):
        facts = _facts(detection, place, words).items()
        about = [words[f"anomaly_{name}_is"].format(value=value) for name, value in facts]
        caption = words["anomaly_sample"].format(row=row, about=words["anomaly_and"].join(about))
        lines = tuple(explanation.table(place, language=language))
        tables.append(Table(head, lines, caption))
    return [Paragraph(words[f"anomaly_tables_{explanation.source}"]), *tables]


def _images(detection: Detection, language: str, words: Mapping[str, str]) -> list[Item]:
    """Return the picture of all samples, and a table of them."""
    assert detection.picture is not None
    facts = [_facts(detection, place, words) for place in range(len(detection.worst))]
    sentences = detection.explanation.text(language=language)
    rows = tuple(
        (str(row), *own.values(), sentence)
        for row, own, sentence in zip(detection.worst, facts, sentences, strict=True)
    )
    head = tuple(words[f"anomaly_{name}"] for name in ("row", *facts[0], "where"))
    caption = words[f"anomaly_images_{detection.explanation.source}"]
    return [
        Picture(detection.picture, alt=words["anomaly_images_alt"], caption=caption),
        Table(head, rows, words["anomaly_worst"]),
    ]


def _facts(detection: Detection, place: int, words: Mapping[str, str]) -> dict[str, str]:
    """Return the label, the score, the verdict and the p-value of a sample, by name."""
    score = detection.scores[detection.worst[place]]
    is_outlier = score < detection.detector.offset_
    facts = {} if detection.labels is None else {"label": str(detection.labels[place])}
    facts["score"] = f"{score:.4g}"
    facts["verdict"] = words["anomaly_outlier" if is_outlier else "anomaly_normal"]
    if detection.p_values is not None:
        facts["p_value"] = f"{detection.p_values[place]:.2g}"
    return facts
