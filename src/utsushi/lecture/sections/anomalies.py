"""Anomaly detection: a model trained on eights scores the other digits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
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

#: A tenth of the rows makes a tenth of the steps, so more passes are made.
PASSES = 3

N_SHOWN = 8


class Anomalies(LectureSection):
    """The lecture's autoencoder, trained on one digit; the nine others are anomalies."""

    name: ClassVar = "anomalies"

    def train(self, study: Study) -> dict[str, Model]:
        """Train on the eights among the training rows, which are all normal."""
        settings = study.settings()
        settings |= {"recipe": "fast", "max_epochs": PASSES * study.max_epochs}
        known = normal_rows(study)
        autoencoder = Autoencoder(sampler="gaussian", **settings).fit(known)
        # All rows are normal, and no threshold is used: nothing is to be cross-fitted.
        detector = AnomalyDetector(FrozenEstimator(autoencoder))
        return {"detector": detector.fit(known)}

    def measure(self, study: Study) -> dict[str, Any]:
        """Measure how well three scores part the test eights from the other test digits."""
        detector, known = study.models["detector"], normal_rows(study)
        assert is_detector(detector)
        relative = AnomalyDetector(
            FrozenEstimator(detector.autoencoder_), scoring="relative-error"
        ).fit(known)
        pca, X = PCABaseline(known, study.pca.n_components), study.test_rows
        scores = {
            "pca": -np.square(pca.reconstruct(X) - X).sum(axis=1),
            "squared_error": detector.score_samples(X),
            "relative_error": relative.score_samples(X),
        }
        normal = study.y_test == NORMAL
        return {
            name: evaluate_scores(found[normal], found[~normal], random_state=study.random_state)
            for name, found in scores.items()
        }

    def rows(self, measured: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Give the three figures of each score."""
        for name, figures in measured.items():
            yield f"auc_{name}", f"{figures['roc_auc']['value']:.3f}"
            yield f"precision_{name}", f"{figures['average_precision']['value']:.3f}"
            rate = figures["false_positive_rate_at_95_recall"]["value"]
            yield f"false_{name}", f"{rate:.3f}"

    def figures(self, study: Study) -> Iterator[CaptionedFigure]:
        """Show the lowest scores, the lowest among the eights, and the anomalies that pass."""
        detector = study.models["detector"]
        assert is_detector(detector)
        order = np.argsort(detector.score_samples(study.test_rows), kind="stable")
        normal = study.y_test[order] == NORMAL
        shown = {
            "worst": order[:N_SHOWN],
            "false_alarms": order[normal][:N_SHOWN],
            "missed": order[~normal][-N_SHOWN:],
        }
        for name, places in shown.items():
            figure = _residual_images(detector, study.test_rows, places)
            yield CaptionedFigure.of(name, figure, self.texts, name)

    texts: ClassVar = {
        "en": {
            "title": "Anomaly detection",
            "lead": (
                "An autoencoder copies well what it has met, and other things badly: so a large "
                "error betrays them. Here the lecture's network has met the eights of the "
                "training digits and nothing else, and is given all test digits; the nine other "
                "digits are the anomalies. Beside it stands PCA of the same eights. The squared "
                "error of a thin stroke is small even where the copy is all wrong, so the error "
                "is also measured relative to the ink. No threshold is chosen: ROC-AUC is how "
                "often an eight scores above an anomaly, and the last figure is the part of the "
                "eights that is called an anomaly when 95 % of these are to be found."
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
            "worst_alt": "The test digits with the largest error, their copies, and the residual.",
            "worst": (
                "The test digits with the largest squared error, their copies, and where the two "
                "differ. Look at the copies: whatever the digit, the model writes with the loops "
                "of eights, and where these do not fit they fall to pieces."
            ),
            "false_alarms_alt": "The eights with the largest error, copies, and the residual.",
            "false_alarms": (
                "The eights that look least like eights to the model: its false alarms. Look for "
                "what is unusual about them, and whether the map shows it."
            ),
            "missed_alt": "The other digits with the smallest error, copies, and the residual.",
            "missed": (
                "The anomalies with the smallest squared error, which pass for eights. Look at "
                "which digit they are and at their copies: an eight pressed flat is a stroke, so "
                "a model of eights can copy a one."
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
    """Return the training rows of the digit that counts as normal."""
    rows: Rows = study.digits.X_train[study.y_train == NORMAL]
    return rows


def _residual_images(detector: AnomalyDetector, X: Rows, places: NDArray[np.intp]) -> Any:
    """Draw rows, what the detector's autoencoder makes of them, and where the two differ."""
    rows = X[places]
    copies = autoencoder_of(detector).reconstruct(rows)
    return residual_images(rows, copies, detector.anomaly_map(rows), IMAGE_SHAPE)
