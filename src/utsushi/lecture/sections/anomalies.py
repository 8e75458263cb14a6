"""Anomaly detection: a model trained on eights scores the other digits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.frozen import FrozenEstimator

from utsushi.estimators import AnomalyDetector, Autoencoder, autoencoder_of
from utsushi.estimators.capabilities import is_detector
from utsushi.evaluation import PCABaseline, evaluate_scores
from utsushi.figures import residual_images
from utsushi.lecture.sections.base import IMAGE_SHAPE, LectureSection, Model, Rows, Study
from utsushi.runs import CaptionedFigure

__all__ = ["Anomalies"]

#: The digit that counts as normal.
NORMAL = 8

#: Factor on the number of epochs: an epoch of a tenth of the samples has a tenth of the steps.
PASSES = 3

N_SHOWN = 8


class Anomalies(LectureSection):
    """Train the lecture's autoencoder on one digit; the nine others are anomalies."""

    name: ClassVar = "anomalies"

    def train(self, study: Study) -> dict[str, Model]:
        """Train on the eights of the training data."""
        settings = study.settings()
        settings |= {"recipe": "fast", "max_epochs": PASSES * study.max_epochs}
        X_normal = normal_rows(study)
        autoencoder = Autoencoder(sampler="gaussian", **settings).fit(X_normal)
        # No threshold is used, so no cross-fitting is needed.
        detector = AnomalyDetector(FrozenEstimator(autoencoder))
        return {"detector": detector.fit(X_normal)}

    def measure(self, study: Study) -> dict[str, Any]:
        """Measure how well three scores separate the test eights from the other test digits."""
        detector, X_normal = study.models["detector"], normal_rows(study)
        assert is_detector(detector)
        relative = AnomalyDetector(
            FrozenEstimator(detector.autoencoder_), scoring="relative-error"
        ).fit(X_normal)
        pca, X = PCABaseline(X_normal, study.pca.n_components), study.test_rows
        scores = {
            "pca": -np.square(pca.reconstruct(X) - X).sum(axis=1),
            "squared_error": detector.score_samples(X),
            "relative_error": relative.score_samples(X),
        }
        is_normal = study.y_test == NORMAL
        return {
            name: evaluate_scores(
                values[is_normal], values[~is_normal], random_state=study.random_state
            )
            for name, values in scores.items()
        }

    def rows(self, metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the three metrics of each score."""
        for name, figures in metrics.items():
            yield f"auc_{name}", f"{figures['roc_auc']['value']:.3f}"
            yield f"precision_{name}", f"{figures['average_precision']['value']:.3f}"
            rate = figures["false_positive_rate_at_95_recall"]["value"]
            yield f"false_{name}", f"{rate:.3f}"

    def figures(self, study: Study) -> Iterator[CaptionedFigure]:
        """Draw the lowest scores, the lowest among the eights, and missed anomalies."""
        detector = study.models["detector"]
        assert is_detector(detector)
        order = np.argsort(detector.score_samples(study.test_rows), kind="stable")
        is_normal = study.y_test[order] == NORMAL
        shown = {
            "worst": order[:N_SHOWN],
            "false_alarms": order[is_normal][:N_SHOWN],
            "missed": order[~is_normal][-N_SHOWN:],
        }
        for name, indices in shown.items():
            figure = _residual_images(detector, study.test_rows[indices])
            yield CaptionedFigure.of(name, figure, self.texts, name)

    texts: ClassVar = {
        "en": {
            "title": "Anomaly detection",
            "lead": (
                "An autoencoder reconstructs samples well that are similar to its training data, "
                "and others badly: a large error indicates an anomaly. Here the lecture's network "
                "is trained only on the eights of the training data and tested on all test digits; "
                "the nine other digits are the anomalies. It is compared with PCA of the same "
                "eights. The squared error of a thin stroke is small even if its reconstruction is "
                "wrong, so the error is also measured relative to the amount of ink. No threshold "
                "is chosen: ROC-AUC is the probability that an eight scores above an anomaly, and "
                "the last metric is the share of eights that count as anomalies at the threshold "
                "that detects 95 % of the anomalies."
            ),
            "detector": "Anomaly detector",
            "auc_pca": "Eights or not: PCA, squared error, ROC-AUC",
            "precision_pca": "Eights or not: PCA, squared error, average precision",
            "false_pca": "Eights or not: PCA, squared error, false positives at 95 % recall",
            "auc_squared_error": "Eights or not: autoencoder, squared error, ROC-AUC",
            "precision_squared_error": (
                "Eights or not: autoencoder, squared error, average precision"
            ),
            "false_squared_error": (
                "Eights or not: autoencoder, squared error, false positives at 95 % recall"
            ),
            "auc_relative_error": "Eights or not: autoencoder, relative error, ROC-AUC",
            "precision_relative_error": (
                "Eights or not: autoencoder, relative error, average precision"
            ),
            "false_relative_error": (
                "Eights or not: autoencoder, relative error, false positives at 95 % recall"
            ),
            "worst_alt": (
                "The test digits with the largest error, their reconstructions, and the residuals."
            ),
            "worst": (
                "The test digits with the largest squared error, their reconstructions, and the "
                "residuals. Look at the reconstructions: the model composes every digit of the "
                "loops of eights, which break where they do not fit."
            ),
            "false_alarms_alt": (
                "The eights with the largest error, their reconstructions, and the residuals."
            ),
            "false_alarms": (
                "The eights with the largest squared error: the first false alarms. Look for what "
                "is unusual about them, and whether the residuals show it."
            ),
            "missed_alt": (
                "The other digits with the smallest error, their reconstructions, and the "
                "residuals."
            ),
            "missed": (
                "The anomalies with the smallest squared error, which are missed first. Look at "
                "their reconstructions: a narrow eight is a stroke, so a model of eights can "
                "reconstruct a one."
            ),
        },
        "ja": {
            "title": "異常検知",
            "lead": (
                "オートエンコーダは，学習したものに似たデータはよく再構成できますが，それ以外はう"
                "まく再構成できません．そこで，再構成誤差が大きいものを異常とみなします．ここでは"
                "講義と同じネットワークを学習データの 8 だけで学習し，テストデータ全部を入力しま"
                "す．8 以外の 9 種類の数字が異常です．比較のため，同じ 8 だけで求めた PCA も並べ"
                "ます．線の細い数字は，まったく再構成できなくても二乗誤差が小さいので，インクの量"
                "に対する相対誤差でも測ります．しきい値は決めません．ROC-AUC は，8 のスコアが異常"
                "のスコアを上回る確率です．95 % 検出時の偽陽性率は，異常の 95 % を見つけようとす"
                "るとき，8 のうち異常と誤判定されるものの割合です．"
            ),
            "detector": "異常検知器",
            "auc_pca": "異常検知（8 が正常），PCA の二乗誤差，ROC-AUC",
            "precision_pca": "異常検知（8 が正常），PCA の二乗誤差，平均適合率",
            "false_pca": "異常検知（8 が正常），PCA の二乗誤差，95 % 検出時の偽陽性率",
            "auc_squared_error": "異常検知（8 が正常），オートエンコーダの二乗誤差，ROC-AUC",
            "precision_squared_error": (
                "異常検知（8 が正常），オートエンコーダの二乗誤差，平均適合率"
            ),
            "false_squared_error": (
                "異常検知（8 が正常），オートエンコーダの二乗誤差，95 % 検出時の偽陽性率"
            ),
            "auc_relative_error": "異常検知（8 が正常），オートエンコーダの相対誤差，ROC-AUC",
            "precision_relative_error": (
                "異常検知（8 が正常），オートエンコーダの相対誤差，平均適合率"
            ),
            "false_relative_error": (
                "異常検知（8 が正常），オートエンコーダの相対誤差，95 % 検出時の偽陽性率"
            ),
            "worst_alt": "誤差が最も大きいテストデータ，その再構成，両者の差．",
            "worst": (
                "二乗誤差が最も大きいテストデータと，その再構成，両者の差を表す異常マップ．再構成"
                "に注目してください．どの数字も 8 の輪を組み合わせて描こうとし，合わないところで"
                "形が崩れています．"
            ),
            "false_alarms_alt": "誤差が最も大きい 8，その再構成，両者の差．",
            "false_alarms": (
                "8 のうち二乗誤差が最も大きいもの．誤って異常と判定されやすい画像です．どこが普通"
                "の 8 と違うのか，異常マップにそれが現れているかを見てください．"
            ),
            "missed_alt": "8 以外で誤差が最も小さい数字，その再構成，両者の差．",
            "missed": (
                "8 以外のうち二乗誤差が最も小さいもの．見逃されやすい異常です．どの数字が並んでい"
                "るか，再構成がどうなっているかを見てください．8 を左右から押しつぶすと 1 本の線に"
                "なるので，8 しか学習していないモデルでも 1 は再構成できてしまいます．"
            ),
        },
    }


def normal_rows(study: Study) -> Rows:
    """Return the training samples of the normal digit."""
    rows: Rows = study.digits.X_train[study.y_train == NORMAL]
    return rows


def _residual_images(detector: AnomalyDetector, X: Rows) -> Any:
    """Draw samples, their reconstructions and their residuals."""
    reconstructions = autoencoder_of(detector).reconstruct(X)
    return residual_images(X, reconstructions, detector.anomaly_map(X), IMAGE_SHAPE)
