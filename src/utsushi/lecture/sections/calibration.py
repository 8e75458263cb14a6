"""A calibrated VAE: the noise scale is learned instead of fixed at one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from utsushi.estimators import VariationalAutoencoder
from utsushi.estimators.capabilities import has_posterior
from utsushi.evaluation import QUICK, divergence_per_component, evaluate
from utsushi.figures import component_bars, image_rows
from utsushi.lecture.sections.base import IMAGE_SHAPE, LectureSection, Model, Study
from utsushi.runs import CaptionedFigure

__all__ = ["Calibration"]


class Calibration(LectureSection):
    """The lecture's VAE with the standard deviation of the pixels learned."""

    name: ClassVar = "calibrated"

    def train(self, study: Study) -> dict[str, Model]:
        """Train the same network for as long; only the likelihood differs."""
        model = VariationalAutoencoder(likelihood="gaussian", **study.settings())
        return {"calibrated": model.fit(study.digits.X_train, validation_data=study.test_rows)}

    def measure(self, study: Study) -> dict[str, Any]:
        """Measure what was measured of the lecture's VAE."""
        model = study.model("calibrated")
        assert has_posterior(model)
        found: dict[str, Any] = evaluate(model, study.test_rows, groups=QUICK)
        bound = study.metrics["variational"]["test"]["likelihood"]["bound"]
        return {
            **found,
            "sigma": float(model.likelihood_.sigma_),
            "unit_variance_bound": bound,
        }

    def rows(self, measured: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Give the lecture's figures of the VAE, and the bound of both."""
        collapse = measured["collapse"]
        yield "mse", f"{measured['reconstruction']['mse']['value']:.4f}"
        yield "kl", f"{collapse['kl']['value']:.1f}"
        yield "dead", str(collapse["dead_components"])
        yield "sigma", f"{measured['sigma']:.3f}"
        yield "unit_bound", f"{measured['unit_variance_bound']['value']:.1f}"
        yield "bound", f"{measured['likelihood']['bound']['value']:.1f}"

    def figures(self, study: Study) -> Iterator[CaptionedFigure]:
        """Show copies and samples of both models, and what the components carry."""
        both = {
            "unit variance": study.model("variational"),
            "calibrated": study.model("calibrated"),
        }
        X = study.test_rows[:10]
        copies = [(label, model.reconstruct(X)) for label, model in both.items()]
        drawn = [("original", X), *copies]
        figure = image_rows(drawn, IMAGE_SHAPE)
        yield CaptionedFigure.of("reconstructions", figure, self.texts, "reconstructions")
        lines = []
        for label, model in both.items():
            samples = model.sample(30, random_state=study.random_state)
            lines += [
                ("" if start else label, samples[start : start + 10]) for start in (0, 10, 20)
            ]
        yield CaptionedFigure.of("samples", image_rows(lines, IMAGE_SHAPE), self.texts, "samples")
        model = both["calibrated"]
        assert has_posterior(model)
        kl = divergence_per_component(model, study.test_rows).mean(axis=0)
        figure = component_bars(kl, ylabel="KL per component, nats")
        yield CaptionedFigure.of("components", figure, self.texts, "components")

    texts: ClassVar = {
        "en": {
            "title": "A calibrated VAE",
            "lead": (
                "The lecture's likelihood takes every pixel to be off by one, the whole way from "
                "black to white. Next to so much noise little of a digit is worth telling, and "
                "the code says little. Here the same network, trained for as long, also learns "
                "by how much its copies are off: one standard deviation σ for all pixels."
            ),
            "calibrated": "Calibrated VAE",
            "mse": "Calibrated VAE, error through the mean code, test rows",
            "kl": "Calibrated VAE, divergence of the code in nats, test rows",
            "dead": "Calibrated VAE, components under 0.1 nats, of ten",
            "sigma": "Calibrated VAE, learned σ of a pixel",
            "unit_bound": "Variational (σ = 1), bound on log p(x) in nats, test rows",
            "bound": "Calibrated VAE, bound on log p(x) in nats, test rows",
            "reconstructions_alt": "Digits, and the copies of two variational autoencoders.",
            "reconstructions": (
                "Ten test digits and their copies through the mean code. Look at the loops and "
                "the ends of the strokes: the calibrated model has kept what made one digit "
                "differ from another of its class."
            ),
            "samples_alt": "Thirty generated digits of each of two variational autoencoders.",
            "samples": (
                "Codes drawn from the standard normal prior, decoded: the lecture's VAE above, "
                "the calibrated one below. Look for the price. The upper digits are soft and "
                "whole; the lower ones are sharper, but a code that says more leaves more room "
                "between the training codes, where no digit is."
            ),
            "components_alt": "Bars of the divergence per component of the calibrated model.",
            "components": (
                "Information that each component of the calibrated code carries. Compare with "
                "the same bars of the lecture's VAE above: they are several times as high, and "
                "components that were given up are back at work."
            ),
        },
        "ja": {
            "title": "分散も学習する VAE",
            "lead": (
                "講義の VAE は，どの画素の標準偏差も 1，つまり黒から白までの幅と同じだと仮定"
                "しています．これほどノイズが大きいと，数字の細部を潜在変数で伝えても得になりません．"
                "ここでは同じネットワークを同じエポック数だけ学習し，再構成の誤差の大きさ，"
                "すなわち全画素に共通の標準偏差 σ も学習します．"
            ),
            "calibrated": "分散も学習する VAE",
            "mse": "分散も学習する VAE，近似事後分布の平均による再構成誤差，テストデータ",
            "kl": "分散も学習する VAE，KLダイバージェンス（nat），テストデータ",
            "dead": ("分散も学習する VAE，KLダイバージェンスが 0.1 nat 未満の成分の数（10 個中）"),
            "sigma": "分散も学習する VAE，学習された画素の標準偏差 σ",
            "unit_bound": "VAE（σ = 1），証拠下界（ELBO，nat），テストデータ",
            "bound": "分散も学習する VAE，証拠下界（ELBO，nat），テストデータ",
            "reconstructions_alt": "元の数字と，二つの VAE による再構成．",
            "reconstructions": (
                "テストデータ 10 枚と，近似事後分布の平均による再構成．上から順に，元画像，"
                "講義の VAE，分散も学習する VAE．輪の形や線の端を見比べてください．同じ数字の"
                "なかの書き方の違いが，最後の行には残っています．"
            ),
            "samples_alt": "二つの VAE が生成した数字，30 枚ずつ．",
            "samples": (
                "標準正規分布からサンプリングしたコードをデコードした画像．上の 3 行が講義の VAE，"
                "下の 3 行が分散も学習する VAE です．上はぼやけていますが形は整っています．下は"
                "くっきりしている一方，数字になっていないものが増えます．潜在変数が多くの情報を"
                "持つと，学習データのコードが占める領域のすき間も広がるからです．"
            ),
            "components_alt": "分散も学習する VAE の成分ごとの KLダイバージェンスの棒グラフ．",
            "components": (
                "分散も学習する VAE で，コードの各成分が持つ情報量．講義の VAE の同じ図と比べると，"
                "棒は数倍の高さになり，使われていなかった成分も使われるようになっています．"
            ),
        },
    }
