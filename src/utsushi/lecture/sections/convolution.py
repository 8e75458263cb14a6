"""A convolutional autoencoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from utsushi.estimators import Autoencoder
from utsushi.evaluation import evaluate
from utsushi.figures import image_rows
from utsushi.lecture.sections.base import IMAGE_SHAPE, LectureSection, Model, Study
from utsushi.runs import CaptionedFigure

__all__ = ["Convolution"]

#: The length of the fast recipe; an epoch takes several times as long as one of the dense network.
MAX_EPOCHS = 10


class Convolution(LectureSection):
    """Train an autoencoder of two convolutions and a hidden layer of 512 units."""

    name: ClassVar = "convolution"

    def train(self, study: Study) -> dict[str, Model]:
        """Train the autoencoder with the fast recipe."""
        settings = study.settings(epochs=MAX_EPOCHS) | {"network": "conv", "hidden": None}
        model = Autoencoder(sampler="gaussian", **settings)
        return {"convolutional": model.fit(study.digits.X_train, validation_data=study.test_rows)}

    def measure(self, study: Study) -> dict[str, Any]:
        """Measure the reconstructions."""
        model = study.model("convolutional")
        return evaluate(model, study.test_rows, groups=["reconstruction"])

    def rows(self, metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the error; that of the dense autoencoder is already in the table."""
        yield "mse", f"{metrics['reconstruction']['mse']['value']:.4f}"

    def figures(self, study: Study) -> Iterator[CaptionedFigure]:
        """Draw the reconstructions of both networks."""
        X = study.test_rows[:10]
        rows = [
            ("original", X),
            ("dense", study.model("autoencoder").reconstruct(X)),
            ("convolutional", study.model("convolutional").reconstruct(X)),
        ]
        figure = image_rows(rows, IMAGE_SHAPE)
        yield CaptionedFigure.of("reconstructions", figure, self.texts, "reconstructions")

    texts: ClassVar = {
        "en": {
            "title": "Convolution",
            "lead": (
                "A dense layer does not use the positions of pixels: it would learn equally well "
                "from digits with shuffled pixels. Here the encoder has two convolutions of 32 and "
                "64 channels and a hidden layer of 512 units instead of 1,000; the decoder is its "
                "mirror image. The code still has ten numbers. Training with the fast recipe takes "
                "ten epochs instead of thirty."
            ),
            "convolutional": "Convolutional autoencoder",
            "mse": "Convolutional autoencoder, error on test samples",
            "reconstructions_alt": (
                "Digits, and their reconstructions by a dense and a convolutional network."
            ),
            "reconstructions": (
                "Ten test digits, and their reconstructions by the lecture's dense network and by "
                "the convolutional one. Look at thin strokes and at outlines: a convolution "
                "applies what it learned about strokes at every position."
            ),
        },
        "ja": {
            "title": "畳み込み",
            "lead": (
                "全結合層は，画素の位置関係を利用しません．画素の順序を入れ替えた"
                "画像からでも同じように学習します．ここではまず 32 チャネルと 64 チャネルの "
                "畳み込み層を使い，中間層は 1,000 の代わりに 512 ユニットとします．デコーダはその"
                "逆順です．コードは同じ 10 次元です．学習には fast レシピを使い，30 エポックの"
                "代わりに 10 エポックで終えます．"
            ),
            "convolutional": "畳み込みオートエンコーダ",
            "mse": "畳み込みオートエンコーダ，再構成誤差，テストデータ",
            "reconstructions_alt": "元の数字と，全結合および畳み込みのネットワークによる再構成．",
            "reconstructions": (
                "テストデータ 10 枚と再構成．上から順に，元画像，講義の全結合ネットワーク，畳み込み"
                "ネットワーク．細い線や輪郭を見比べてください．畳み込みでは，ある場所で学んだ線の"
                "描き方を，ほかの場所でもそのまま使えます．"
            ),
        },
    }
