"""The autoencoder made of convolutions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from utsushi.estimators import Autoencoder
from utsushi.evaluation import evaluate
from utsushi.figures import image_rows
from utsushi.lecture.sections.base import IMAGE_SHAPE, LectureSection, Model, Study
from utsushi.runs import CaptionedFigure

__all__ = ["Convolution"]

#: A pass costs several of the dense network's; one cycle of ten is the fast recipe's own length.
MAX_EPOCHS = 10


class Convolution(LectureSection):
    """Two convolutions before a hidden layer of 512 units, and their mirror after it."""

    name: ClassVar = "convolution"

    def train(self, study: Study) -> dict[str, Model]:
        """Train it by the fast recipe."""
        settings = study.settings(epochs=MAX_EPOCHS) | {"network": "conv", "hidden": None}
        model = Autoencoder(sampler="gaussian", **settings)
        return {"convolutional": model.fit(study.digits.X_train, validation_data=study.test_rows)}

    def measure(self, study: Study) -> dict[str, Any]:
        """Measure the copies."""
        model = study.model("convolutional")
        return evaluate(model, study.test_rows, groups=["reconstruction"])

    def rows(self, measured: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Give the error; that of the dense autoencoder is in the table already."""
        yield "mse", f"{measured['reconstruction']['mse']['value']:.4f}"

    def figures(self, study: Study) -> Iterator[CaptionedFigure]:
        """Show the copies of both networks."""
        X = study.test_rows[:10]
        drawn = [
            ("original", X),
            ("dense", study.model("autoencoder").reconstruct(X)),
            ("convolutional", study.model("convolutional").reconstruct(X)),
        ]
        figure = image_rows(drawn, IMAGE_SHAPE)
        yield CaptionedFigure.of("reconstructions", figure, self.texts, "reconstructions")

    texts: ClassVar = {
        "en": {
            "title": "Convolution",
            "lead": (
                "A dense layer does not know that pixels have neighbours: it would learn as well "
                "from digits whose pixels were shuffled. Here two convolutions of 32 and 64 "
                "channels come first, and the hidden layer has 512 units in place of 1,000; the "
                "decoder is the mirror. The code still has ten numbers. Training is one cycle of "
                "the fast recipe, ten epochs in place of thirty."
            ),
            "convolutional": "Convolutional autoencoder",
            "mse": "Convolutional autoencoder, error on test rows",
            "reconstructions_alt": "Digits, and their copies by a dense and by a conv network.",
            "reconstructions": (
                "Ten test digits, and their copies by the lecture's dense network and by the "
                "convolutional one. Look at thin strokes and at the rims: what a convolution has "
                "learned of a stroke in one place it knows in every place."
            ),
        },
        "ja": {
            "title": "畳み込み",
            "lead": (
                "全結合層は，どの画素とどの画素が隣り合うかを知りません．画素の順序を入れ替えた"
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
