"""The denoising autoencoder: damaged digits in, clean ones out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch

from utsushi._utils.seeds import Purpose, generator
from utsushi.estimators import DenoisingAutoencoder
from utsushi.evaluation import reconstruction_mse
from utsushi.figures import image_rows
from utsushi.lecture.sections.base import IMAGE_SHAPE, LectureSection, Model, Rows, Study
from utsushi.runs import CaptionedFigure
from utsushi.transforms.corruption import masking

__all__ = ["Denoising"]

#: The part of the pixels that is erased.
LEVEL = 0.5

_DAMAGE = 3  # the step of the damage's path; see `utsushi.evaluation.rows`


class Denoising(LectureSection):
    """The lecture's autoencoder, shown digits of which half the pixels are erased."""

    name: ClassVar = "denoising"

    def train(self, study: Study) -> dict[str, Model]:
        """Train the same network for as long on damaged rows."""
        model = DenoisingAutoencoder(
            corruption="masking", corruption_level=LEVEL, sampler="gaussian", **study.settings()
        )
        return {"denoising": model.fit(study.digits.X_train, validation_data=study.test_rows)}

    def measure(self, study: Study) -> dict[str, Any]:
        """Measure how far the repaired test rows are from the clean ones."""
        X = study.test_rows
        found: dict[str, Any] = {
            name: reconstruction_mse(X, rows, study.random_state).to_json()
            for name, rows in repaired(study, damaged(X, study.random_state)).items()
        }
        clean = study.model("denoising").reconstruct(X)
        found["clean_input"] = reconstruction_mse(X, clean).to_json()
        return found

    def rows(self, measured: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Give the errors against the clean rows."""
        for key in ("damaged", "pca", "autoencoder", "denoising", "clean_input"):
            yield f"mse_{key}", f"{measured[key]['value']:.4f}"

    def figures(self, study: Study) -> Iterator[CaptionedFigure]:
        """Show what each model makes of the same damaged digits."""
        labels = {"damaged": "half erased", "pca": "PCA", "autoencoder": "plain AE"}
        noisy = damaged(study.test_rows, study.random_state)[:10]
        drawn = [("original", study.test_rows[:10])]
        drawn += [
            (labels.get(name, "denoising AE"), rows)
            for name, rows in repaired(study, noisy).items()
        ]
        yield CaptionedFigure.of("repairs", image_rows(drawn, IMAGE_SHAPE), self.texts, "repairs")

    texts: ClassVar = {
        "en": {
            "title": "Denoising",
            "lead": (
                "A denoising autoencoder is shown damaged digits and asked for the clean ones. "
                "Each time it meets a training digit, another half of the pixels is erased; "
                "network and training are the lecture's. The test digits are damaged once, and "
                "PCA, the lecture's autoencoder and the denoising one get the same damaged "
                "digits. Errors are against the clean ones."
            ),
            "denoising": "Denoising autoencoder",
            "mse_damaged": "Half the pixels erased, error before any repair, test rows",
            "mse_pca": "Half the pixels erased, PCA of 10 components, error",
            "mse_autoencoder": "Half the pixels erased, autoencoder, error",
            "mse_denoising": "Half the pixels erased, denoising autoencoder, error",
            "mse_clean_input": "No pixels erased, denoising autoencoder, error",
            "repairs_alt": "Digits, half erased, and what three models make of them.",
            "repairs": (
                "Ten test digits, the same with half of their pixels erased, and what PCA, the "
                "lecture's autoencoder and the denoising one make of these. Look at how bright "
                "the strokes are: PCA and the plain autoencoder have never met erased pixels, and "
                "take the thin ink for what was written. The price of the repair stands in the "
                "table: a whole digit, which the denoising model has never met, it copies worse."
            ),
        },
        "ja": {
            "title": "ノイズ除去",
            "lead": (
                "デノイジングオートエンコーダには，壊れた画像を入力し，元のきれいな画像を出力する"
                "ように学習させます．学習中は画像を入力するたびに，画素の半分を選び直して 0 に"
                "置き換えます．ネットワークと学習方法は講義と同じです．テストデータは一度だけ壊し，"
                "PCA，講義のオートエンコーダ，デノイジングオートエンコーダに同じものを入力します．"
                "誤差は元の画像との二乗誤差です．"
            ),
            "denoising": "デノイジングオートエンコーダ",
            "mse_damaged": "画素の半分が欠けたテストデータ，復元前の誤差",
            "mse_pca": "画素の半分が欠けたテストデータ，PCA（10 次元）による復元の誤差",
            "mse_autoencoder": "画素の半分が欠けたテストデータ，オートエンコーダによる復元の誤差",
            "mse_denoising": (
                "画素の半分が欠けたテストデータ，デノイジングオートエンコーダによる復元の誤差"
            ),
            "mse_clean_input": ("欠けのないテストデータ，デノイジングオートエンコーダの再構成誤差"),
            "repairs_alt": "元の数字，画素の半分が欠けた数字，三つのモデルによる復元．",
            "repairs": (
                "上から順に，元画像，画素の半分が欠けた画像，PCA，講義のオートエンコーダ，"
                "デノイジングオートエンコーダによる復元．線の濃さに注目してください．PCA と講義の"
                "オートエンコーダは欠けた画像を見たことがないので，まばらになった線をそのまま薄い線"
                "として再構成してしまいます．一方，デノイジングオートエンコーダは欠けのない画像を"
                "見たことがないので，表にあるとおり，それをそのまま入力したときの誤差はかえって"
                "大きくなります．"
            ),
        },
    }


def damaged(X: Rows, seed: int) -> Rows:
    """Return rows of which pixels are erased by chance; the same seed erases the same ones."""
    draws = generator(seed, Purpose.EVALUATION, _DAMAGE)
    rows: Rows = masking(torch.tensor(X), LEVEL, draws).numpy()
    return rows


def repaired(study: Study, noisy: Rows) -> dict[str, Rows]:
    """Return damaged rows as they are, and what each model makes of them."""
    return {
        "damaged": noisy,
        "pca": study.pca.reconstruct(noisy),
        "autoencoder": study.model("autoencoder").reconstruct(noisy),
        "denoising": study.model("denoising").reconstruct(noisy),
    }
