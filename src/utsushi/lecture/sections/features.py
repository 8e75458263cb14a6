"""Codes as features: classification of digits from ten numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from utsushi.evaluation import linear_probe, neighbour_accuracy
from utsushi.figures import code_map
from utsushi.lecture.sections.base import LectureSection, Rows, Study
from utsushi.runs import CaptionedFigure

__all__ = ["Features"]

#: The models whose codes are classified, in the order of the table.
CLASSIFIED = ("autoencoder", "variational", "calibrated", "convolutional")


class Features(LectureSection):
    """Measure classifiers that are trained only on the codes."""

    name: ClassVar = "features"

    def measure(self, study: Study) -> dict[str, Any]:
        """Measure PCA's codes and those of all models."""
        encoders: dict[str, Callable[[Rows], Rows]] = {"pca": study.pca.transform}
        encoders |= {
            name: study.model(name).transform for name in CLASSIFIED if name in study.models
        }
        metrics = {}
        for name, encode in encoders.items():
            train, test = encode(study.digits.X_train), encode(study.test_rows)
            split = (train, study.y_train, test, study.y_test)
            metrics[name] = {
                "linear_probe": linear_probe(*split).to_json(),
                "neighbours": neighbour_accuracy(*split).to_json(),
            }
        return metrics

    def rows(self, metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the two accuracies of each code."""
        for key in ("linear_probe", "neighbours"):
            for name, figures in metrics.items():
                yield f"{key}_{name}", f"{figures[key]['value']:.3f}"

    def figures(self, study: Study) -> Iterator[CaptionedFigure]:
        """Draw the map of the last model's codes."""
        name = [name for name in CLASSIFIED if name in study.models][-1]
        figure = code_map(study.model(name).transform(study.test_rows), study.y_test)
        yield CaptionedFigure.of("codes", figure, self.texts, "codes", model=f"map_{name}")

    texts: ClassVar = {
        "en": {
            "title": "Features",
            "lead": (
                "The models were trained without labels. Do their codes represent the class of a "
                "digit? Two simple classifiers are trained on the ten numbers of the training "
                "codes and tested on the test codes: a linear probe (logistic regression) measures "
                "whether hyperplanes separate the classes, and a classifier by the five nearest "
                "codes measures whether codes of one class are neighbours. The accuracy of a "
                "random guess is 0.1."
            ),
            "linear_probe_pca": "PCA of 10 components, accuracy of a linear probe",
            "linear_probe_autoencoder": "Autoencoder, accuracy of a linear probe",
            "linear_probe_variational": "Variational, accuracy of a linear probe",
            "linear_probe_calibrated": "Calibrated VAE, accuracy of a linear probe",
            "linear_probe_convolutional": "Convolutional, accuracy of a linear probe",
            "neighbours_pca": "PCA of 10 components, accuracy of 5 neighbours",
            "neighbours_autoencoder": "Autoencoder, accuracy of 5 neighbours",
            "neighbours_variational": "Variational, accuracy of 5 neighbours",
            "neighbours_calibrated": "Calibrated VAE, accuracy of 5 neighbours",
            "neighbours_convolutional": "Convolutional, accuracy of 5 neighbours",
            "map_autoencoder": "autoencoder",
            "map_variational": "variational autoencoder",
            "map_calibrated": "calibrated VAE",
            "map_convolutional": "convolutional autoencoder",
            "codes_alt": "Scatter plot of test codes, coloured by digit.",
            "codes": (
                "The test codes of the {model} on their first two principal components, coloured "
                "by class. Most of the classes that overlap here are separated along the eight "
                "components that the figure does not show."
            ),
        },
        "ja": {
            "title": "特徴量",
            "lead": (
                "どのモデルの学習にも，数字のラベルは使っていません．それでもコードから数字を識別で"
                "きるでしょうか．10 次元のコードだけを特徴量として二つの単純な分類器を学習データで"
                "学習し，テストデータで評価します．線形プローブ（ロジスティック回帰）はクラスを平面"
                "で分けられるかを，5 近傍法は同じクラスのコードが近くにあるかを調べます．ランダムに"
                "答えた場合の正解率は約 0.1 です．"
            ),
            "linear_probe_pca": "PCA（10 次元），線形プローブの正解率",
            "linear_probe_autoencoder": "オートエンコーダ，線形プローブの正解率",
            "linear_probe_variational": "VAE，線形プローブの正解率",
            "linear_probe_calibrated": "分散も学習する VAE，線形プローブの正解率",
            "linear_probe_convolutional": "畳み込みオートエンコーダ，線形プローブの正解率",
            "neighbours_pca": "PCA（10 次元），5 近傍法の正解率",
            "neighbours_autoencoder": "オートエンコーダ，5 近傍法の正解率",
            "neighbours_variational": "VAE，5 近傍法の正解率",
            "neighbours_calibrated": "分散も学習する VAE，5 近傍法の正解率",
            "neighbours_convolutional": "畳み込みオートエンコーダ，5 近傍法の正解率",
            "map_autoencoder": "オートエンコーダ",
            "map_variational": "VAE",
            "map_calibrated": "分散も学習する VAE",
            "map_convolutional": "畳み込みオートエンコーダ",
            "codes_alt": "テストデータのコードの散布図．色は数字の種類．",
            "codes": (
                "{model}によるテストデータのコードを，第 1・第 2 主成分の平面に描いた散布図"
                "（色はクラス）．この図で重なっているクラスも，図に描けない残り 8 次元では，多くが"
                "分かれています．"
            ),
        },
    }
