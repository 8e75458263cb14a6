"""Draw the README's pictures as SVG files, in English and Japanese.

    python benchmarks/speed/time_to_loss.py
    python benchmarks/quality/generation.py --models lecture-vae default-vae conv-vae
    python tools/make_readme_pictures.py

``time_to_loss.*.svg`` is a bar chart of the first benchmark's medians, and ``quality.*.svg`` one of
the Fréchet distances of the second; ``--charts`` draws these alone. ``digits.*.svg`` shows test
digits, their reconstructions and the first samples of three variational autoencoders, with the
distances; its models are those that the benchmark trained with seed 0. The text is set in the
reader's own fonts, and its colour follows a light or a dark page.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from html import escape
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT / "benchmarks" / "quality"))

from common import trained  # noqa: E402
from generation import COOL, MAKERS  # noqa: E402

from utsushi import datasets  # noqa: E402
from utsushi._utils.files import write_whole  # noqa: E402
from utsushi.samplers import Sampler  # noqa: E402

WIDTH = 860
STYLE = """
  text { font: 15px -apple-system, "Segoe UI", Helvetica, Arial, "Hiragino Sans",
         "Noto Sans CJK JP", "Yu Gothic", sans-serif; fill: #1f2328; }
  .small { font-size: 13px; fill: #59636e; }
  .strong { font-weight: 600; }
  .bar { fill: #8c959f; }
  .ours { fill: #1f6feb; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .small { fill: #9198a1; }
    .bar { fill: #656c76; }
    .ours { fill: #4493f8; }
  }
"""

#: By language, the words of both pictures.
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "seconds": "Training time in seconds to a test error of 0.0185 (2 cores)",
        "loop": "Lecture's loop",
        "never": "not reached in {epochs:.0f} epochs ({loss:.4f})",
        "input": "Test digits",
        "lecture-vae": "Tutorial VAE",
        "default-vae": "Utsushi, default",
        "conv-vae": "Utsushi, best",
        "reconstructions": "Reconstructions",
        "samples": "Samples",
        "distance": "Fréchet distance",
        "floor": "of the samples; training digits: {floor:.1f}",
        "quality": "Fréchet distance between generated and real digits",
        "lecture-vae, prior": "Tutorial VAE",
        "default-vae, default": "Default VAE",
        "conv-vae, flow": "Conv VAE, flow",
        "conv-vae, cool mixture of 50": "Conv VAE, mixture",
        "training digits (the floor)": "Real digits",
    },
    "ja": {
        "seconds": "テスト誤差 0.0185 に達するまでの学習時間（秒，2 コア）",
        "loop": "講義のループ",
        "never": "{epochs:.0f} エポックでは未達（{loss:.4f}）",
        "input": "テストデータ",
        "lecture-vae": "教材どおりの VAE",
        "default-vae": "Utsushi（既定）",
        "conv-vae": "Utsushi（最良）",
        "reconstructions": "再構成",
        "samples": "生成（サンプル）",
        "distance": "フレシェ距離",
        "floor": "生成画像と実画像の間．学習データ：{floor:.1f}",
        "quality": "生成した数字と本物の数字のフレシェ距離",
        "lecture-vae, prior": "教材どおりの VAE",
        "default-vae, default": "既定の VAE",
        "conv-vae, flow": "畳み込み＋フロー",
        "conv-vae, cool mixture of 50": "畳み込み＋混合",
        "training digits (the floor)": "本物の数字",
    },
}

#: By the name in the benchmark, the source of codes whose samples are shown.
SOURCES: dict[str, str] = {
    "lecture-vae": "prior",
    "default-vae": "default",
    "conv-vae": "cool mixture of 50",
}
NAMES = {"utsushi": "Utsushi", "pythae": "Pythae", "pyod": "PyOD", "autoencoders": "autoencoders"}
#: The sources of digits whose bars are Utsushi's.
OURS = ("default-vae, default", "conv-vae, flow", "conv-vae, cool mixture of 50")
N_DIGITS, SIDE = 8, 34


def text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    """Return a line of text."""
    return f'<text x="{x}" y="{y}" class="{style}" text-anchor="{anchor}">{escape(words)}</text>'


def svg(height: int, title: str, parts: list[str]) -> bytes:
    """Return a picture."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    return "\n".join([head, *parts, "</svg>\n"]).encode()


def chart(words: dict[str, str]) -> bytes:
    """Draw the time to the loss of the lecture's loop."""
    content = json.loads((ROOT / "benchmarks/speed/results/time_to_loss.json").read_text())
    rounds = content["cases"]["ae"]["rounds"]
    sides = {
        side: {key: median(found[side][key] for found in rounds) for key in rounds[0][side]}
        for side in rounds[0]
    }
    ordered = sorted(sides, key=lambda side: sides[side]["seconds"])
    bars = []
    for side in ordered:
        found = sides[side]
        label = shown(found["seconds"])
        if not found.get("reached", 1.0):
            label += ", " + words["never"].format(**found)
        name = words["loop"] if side == "loop" else NAMES[side]
        bars.append((name, found["seconds"], label, side == "utsushi"))
    return bar_chart(words["seconds"], bars)


def quality(words: dict[str, str]) -> bytes:
    """Draw the distances of generated digits from real ones."""
    distances = frechet_distances()
    sources = [source for source in WORDS["en"] if source in distances]
    return bar_chart(
        words["quality"],
        [
            (words[source], distances[source], shown(distances[source]), source in OURS)
            for source in sources
        ],
    )


def frechet_distances() -> dict[str, float]:
    """Return the mean Fréchet distance of each source of digits."""
    content = json.loads((ROOT / "benchmarks/quality/results/generation.json").read_text())
    return {name: row["Fréchet"]["mean"] for name, row in content["summary"].items()}


def bar_chart(title: str, bars: list[tuple[str, float, str, bool]]) -> bytes:
    """Draw bars: of each its name, its value, its label, and whether it is Utsushi's."""
    longest = max(value for _, value, _, _ in bars)
    parts = [text(0, 18, title, "strong")]
    for place, (name, value, label, is_ours) in enumerate(bars):
        y, width = 34 + 30 * place, 430 * value / longest
        style = "ours" if is_ours else "bar"
        parts += [
            text(0, y + 16, name),
            f'<rect x="130" y="{y}" width="{width:.1f}" height="22" rx="3" class="bar {style}"/>',
            text(138 + width, y + 16, label, "small"),
        ]
    return svg(40 + 30 * len(bars), title, parts)


def shown(number: float) -> str:
    """Return a number with a digit after its point, if it is small."""
    return f"{number:.0f}" if number >= 100 else f"{number:.1f}"


def strip(images: np.ndarray, x: float, y: float) -> str:
    """Return digits in a row, as one picture."""
    tiles = (255 * images.reshape(-1, 28, 28).clip(0, 1)).round().astype(np.uint8)
    tiles = np.pad(tiles, ((0, 0), (0, 0), (0, 2)), constant_values=0)
    file = io.BytesIO()
    Image.fromarray(np.concatenate(tiles, axis=1)[:, :-2]).save(file, "png", optimize=True)
    data = base64.b64encode(file.getvalue()).decode()
    width = SIDE * (30 * len(tiles) - 2) / 28
    return (
        f'<image x="{x}" y="{y}" width="{width:.1f}" height="{SIDE}" '
        f'href="data:image/png;base64,{data}"/>'
    )


def pictures() -> dict[str, Any]:
    """Return the digits of each model."""
    digits = datasets.load_mnist20k()
    shown = digits.X_test[[int(np.argmax(digits.y_test == label)) for label in range(N_DIGITS)]]
    found: dict[str, Any] = {"input": shown}
    for name in SOURCES:
        model, _ = trained(name, MAKERS[name], digits.X_train, 0)
        if name == "conv-vae":
            sampler: Sampler = COOL
            model.set_params(sampler=sampler).fit_sampler(digits.X_train)
        found[name] = model.reconstruct(shown), model.sample(N_DIGITS, random_state=0)
    return found


def comparison(words: dict[str, str], found: dict[str, Any]) -> bytes:
    """Draw reconstructions and samples."""
    distances = frechet_distances()
    left, right, end = 150, 470, 790
    parts = [
        text(left, 14, words["reconstructions"], "small"),
        text(right, 14, words["samples"], "small"),
        text(WIDTH, 14, words["distance"], "small", "end"),
        text(0, 46, words["input"], "small"),
        strip(found["input"], left, 24),
    ]
    for place, (name, source) in enumerate(SOURCES.items()):
        y = 68 + 44 * place
        copies, samples = found[name]
        parts += [
            text(0, y + 22, words[name], "strong" if place else ""),
            strip(copies, left, y),
            strip(samples, right, y),
            text(WIDTH, y + 23, shown(distances[f"{name}, {source}"]), "strong", "end"),
        ]
    floor = words["floor"].format(floor=distances["training digits (the floor)"])
    parts.append(text(WIDTH, 68 + 44 * 3 + 12, floor, "small", "end"))
    assert right + SIDE * (30 * N_DIGITS - 2) / 28 < end + SIDE
    return svg(68 + 44 * 3 + 18, words["samples"], parts)


def main() -> None:
    """Draw the pictures in both languages."""
    for language, words in WORDS.items():
        print(write_whole(TARGET / f"time_to_loss.{language}.svg", chart(words)))
        print(write_whole(TARGET / f"quality.{language}.svg", quality(words)))
    if "--charts" in sys.argv:
        return
    found = pictures()
    for language, words in WORDS.items():
        print(write_whole(TARGET / f"digits.{language}.svg", comparison(words, found)))


if __name__ == "__main__":
    main()
