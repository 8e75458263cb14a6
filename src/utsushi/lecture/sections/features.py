"""The codes as features: classification of digits from ten numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from utsushi.evaluation import linear_probe, neighbour_accuracy
from utsushi.figures import code_map
from utsushi.lecture.sections.base import LectureSection, Rows, Study
from utsushi.runs import CaptionedFigure

__all__ = ["Features"]

#: The models whose codes are classified, in the order of the table.
ASKED = ("autoencoder", "variational", "calibrated", "convolutional")


class Features(LectureSection):
    """What the codes are worth to a classifier that sees nothing else."""

    name: ClassVar = "features"

    def measure(self, study: Study) -> dict[str, Any]:
        """Measure PCA's codes and those of the models that there are."""
        encoders: dict[str, Callable[[Rows], Rows]] = {"pca": study.pca.transform}
        encoders |= {name: study.model(name).transform for name in ASKED if name in study.models}
        found = {}
        for name, encode in encoders.items():
            known, asked = encode(study.digits.X_train), encode(study.test_rows)
            lesson = (known, study.y_train, asked, study.y_test)
            found[name] = {
                "linear_probe": linear_probe(*lesson).to_json(),
                "neighbours": neighbour_accuracy(*lesson).to_json(),
            }
        return found

    def rows(self, measured: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Give the two accuracies of each code."""
        for key in ("linear_probe", "neighbours"):
            for name, figures in measured.items():
                yield f"{key}_{name}", f"{figures[key]['value']:.3f}"

    def figures(self, study: Study) -> Iterator[CaptionedFigure]:
        """Show the map of the last model's codes."""
        name = [name for name in ASKED if name in study.models][-1]
        figure = code_map(study.model(name).transform(study.test_rows), study.y_test)
        yield CaptionedFigure.of("codes", figure, self.texts, "codes", model=f"map_{name}")

    texts: ClassVar = {
        "en": {
            "title": "Features",
            "lead": (
                "Nobody told the models which digit an image shows. Do their codes know? Two "
                "simple classifiers learn from the ten numbers of the training digits alone and "
                "are asked about the test digits: a linear probe (logistic regression), which "
                "asks whether flat borders part the classes, and the vote of the five nearest "
                "codes, which asks whether like lies beside like. By chance one in ten is right."
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
            "codes_alt": "Scatter plot of test codes, coloured by the digit that they show.",
            "codes": (
                "The test codes of the {model} along their first two principal components, "
                "coloured by class. Look for classes that overlap here: eight more directions, "
                "which the picture cannot show, still part most of them."
            ),
        },
        "ja": {
            "title": "特徴量",
            "lead": (
                "どのモデルも，画像がどの数字かを教わっていません．それでもコードから数字を当てられる"
                "でしょうか．学習データのコード 10 次元だけを特徴量として二つの単純な分類器を"
                "学習し，テストデータの数字を当てさせます．線形プローブ（ロジスティック回帰）は"
                "クラスを平面で分けられるかを，5 近傍法は似た数字のコードが近くにあるかを調べます．"
                "でたらめに答えたときの正解率は約 0.1 です．"
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
