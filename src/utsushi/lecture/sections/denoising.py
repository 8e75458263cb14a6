"""A denoising autoencoder: corrupted digits as input, clean ones as target."""

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

#: The probability that a pixel is erased.
LEVEL = 0.5

_CORRUPTION = 3  # the seed path of the corruption; see `utsushi.evaluation.rows`


class Denoising(LectureSection):
    """Train the lecture's autoencoder on digits with half of their pixels erased."""

    name: ClassVar = "denoising"

    def train(self, study: Study) -> dict[str, Model]:
        """Train the lecture's network on corrupted samples."""
        model = DenoisingAutoencoder(
            corruption="masking", corruption_level=LEVEL, sampler="gaussian", **study.settings()
        )
        return {"denoising": model.fit(study.digits.X_train, validation_data=study.test_rows)}

    def measure(self, study: Study) -> dict[str, Any]:
        """Measure the errors of denoised test samples."""
        X = study.test_rows
        metrics: dict[str, Any] = {
            name: reconstruction_mse(X, rows, study.random_state).to_json()
            for name, rows in denoised(study, corrupted(X, study.random_state)).items()
        }
        clean = study.model("denoising").reconstruct(X)
        metrics["clean_input"] = reconstruction_mse(X, clean).to_json()
        return metrics

    def rows(self, metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the errors against the clean samples."""
        for key in ("damaged", "pca", "autoencoder", "denoising", "clean_input"):
            yield f"mse_{key}", f"{metrics[key]['value']:.4f}"

    def figures(self, study: Study) -> Iterator[CaptionedFigure]:
        """Draw the reconstructions of the same corrupted digits by each model."""
        labels = {"damaged": "half erased", "pca": "PCA", "autoencoder": "plain AE"}
        noisy = corrupted(study.test_rows, study.random_state)[:10]
        images = [("original", study.test_rows[:10])]
        images += [
            (labels.get(name, "denoising AE"), rows)
            for name, rows in denoised(study, noisy).items()
        ]
        yield CaptionedFigure.of("repairs", image_rows(images, IMAGE_SHAPE), self.texts, "repairs")

    texts: ClassVar = {
        "en": {
            "title": "Denoising",
            "lead": (
                "The input of a denoising autoencoder is a corrupted digit, its target the clean "
                "one. In each epoch, a random half of the pixels of each digit is erased; network "
                "and training are the lecture's. The test digits are corrupted once, and are the "
                "input of PCA, of the lecture's autoencoder and of the denoising one. Errors are "
                "against the clean digits."
            ),
            "denoising": "Denoising autoencoder",
            "mse_damaged": "Half the pixels erased, error before denoising, test samples",
            "mse_pca": "Half the pixels erased, PCA of 10 components, error",
            "mse_autoencoder": "Half the pixels erased, autoencoder, error",
            "mse_denoising": "Half the pixels erased, denoising autoencoder, error",
            "mse_clean_input": "No pixels erased, denoising autoencoder, error",
            "repairs_alt": "Digits, half erased, and denoised by three models.",
            "repairs": (
                "Ten test digits, the same digits with half of their pixels erased, and their "
                "reconstructions by PCA, the lecture's autoencoder and the denoising one. Look at "
                "the brightness of the strokes: PCA and the plain autoencoder were not trained on "
                "erased pixels, and reconstruct pale strokes. In return, the denoising autoencoder "
                "was not trained on complete digits and reconstructs them worse, as the table "
                "shows."
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
                "オートエンコーダは欠けた画像で学習していないので，まばらになった線をそのまま薄い線"
                "として再構成してしまいます．一方，デノイジングオートエンコーダは欠けのない画像で"
                "学習していないので，表にあるとおり，欠けのない画像を入力した場合の誤差はかえって"
                "大きくなります．"
            ),
        },
    }


def corrupted(X: Rows, seed: int) -> Rows:
    """Return samples with random pixels erased; the seed determines which ones."""
    draws = generator(seed, Purpose.EVALUATION, _CORRUPTION)
    rows: Rows = masking(torch.tensor(X), LEVEL, draws).numpy()
    return rows


def denoised(study: Study, noisy: Rows) -> dict[str, Rows]:
    """Return corrupted samples, and their reconstructions by each model."""
    return {
        "damaged": noisy,
        "pca": study.pca.reconstruct(noisy),
        "autoencoder": study.model("autoencoder").reconstruct(noisy),
        "denoising": study.model("denoising").reconstruct(noisy),
    }
