"""The fixed texts of a page, in English and Japanese."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

from utsushi.exceptions import SettingError

__all__ = [
    "LANGUAGES",
    "OWN_NAMES",
    "TEXTS",
    "Translator",
    "check_language",
    "in_each_language",
    "languages_from",
]

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "skip": "Skip to the content",
        "contents": "Contents",
        "settings": "Show the settings",
        "footer": "Made with Utsushi {version}. This page is one file and works offline.",
        "languages": "Language",
        "models_title": "Settings",
        "lead": "Encoder and decoder run in this page: move through the space of codes, and see the decoded sample of each point.",
        "curve_training": "training samples",
        "curve_held_out": "held-out samples",
        "unit_error": "squared error / features",
        "unit_unexplained": "unexplained share of the variance",
        "unit_loss": "loss / features",
        "unit_objective": "objective, nats per sample",
    },
    "ja": {
        "skip": "本文へ移動",
        "contents": "目次",
        "settings": "設定を表示",
        "footer": "Utsushi {version} で作成．このページは 1 つのファイルで，インターネット接続は不要です．",
        "languages": "言語",
        "models_title": "設定",
        "lead": "このページの中でエンコーダとデコーダが動きます．コードの空間を動き回り，それぞれの場所が何を表すのかを確かめてください．",
        "curve_training": "学習データ",
        "curve_held_out": "学習に使っていないデータ",
        "unit_error": "二乗誤差 / 特徴数",
        "unit_unexplained": "説明されない分散の割合",
        "unit_loss": "損失 / 特徴数",
        "unit_objective": "目的関数（1 件あたり，nat）",
    },
}

#: The languages of a report, and their own names.
LANGUAGES = tuple(TEXTS)
OWN_NAMES = {"en": "English", "ja": "日本語"}


def in_each_language(
    choose: Callable[[Mapping[str, str]], str], texts: Mapping[str, Mapping[str, str]] = TEXTS
) -> dict[str, str]:
    """Apply a function to the texts of each language, and return the results by language.

    Examples
    --------
    >>> in_each_language(lambda words: words["languages"])
    {'en': 'Language', 'ja': '言語'}
    """
    return {language: choose(words) for language, words in texts.items()}


def languages_from(first: str) -> tuple[str, ...]:
    """Return all languages, one of them first.

    Examples
    --------
    >>> languages_from("ja")
    ('ja', 'en')
    """
    return (first, *(language for language in LANGUAGES if language != first))


def check_language(language: str) -> None:
    """Raise an error for a language that reports do not have.

    Raises
    ------
    SettingError
        If ``language`` is not one of `LANGUAGES`.

    Examples
    --------
    >>> check_language("ja")
    """
    if language not in TEXTS:
        raise SettingError(
            f"lang must be one of {', '.join(LANGUAGES)}, got {language!r}. Choose one of them."
        )


class Translator:
    """Write texts as HTML in each language of a page.

    Parameters
    ----------
    languages : sequence of str
        The languages; the page opens in the first.

    Examples
    --------
    >>> Translator(["en", "ja"]).html(["code", "コード"])
    '<span lang="en">code</span><span lang="ja">コード</span>'
    >>> Translator(["en", "ja"]).html(["AE < VAE", "AE < VAE"])
    'AE &lt; VAE'
    """

    def __init__(self, languages: Sequence[str]) -> None:
        self.languages = tuple(languages)

    def html(self, texts: Sequence[str]) -> str:
        """Return a text in all languages as HTML; equal translations are written once."""
        if len(set(texts)) == 1:
            return escape(texts[0])
        return "".join(
            f'<span lang="{language}">{escape(text)}</span>'
            for language, text in zip(self.languages, texts, strict=True)
        )

    def attribute(self, name: str, texts: Sequence[str]) -> str:
        """Return an attribute in the first language, followed by a data attribute per language.

        Examples
        --------
        >>> Translator(["en", "ja"]).attribute("alt", ["map", "散布図"])
        'alt="map" data-en-alt="map" data-ja-alt="散布図"'
        """
        attribute = f'{name}="{escape(texts[0])}"'
        if len(set(texts)) == 1:
            return attribute
        translations = (
            f'data-{language}-{name}="{escape(text)}"'
            for language, text in zip(self.languages, texts, strict=True)
        )
        return " ".join([attribute, *translations])

    def words(self, key: str, **values: str) -> list[str]:
        """Return one of the page's fixed texts in each language."""
        return [TEXTS[language][key].format(**values) for language in self.languages]

    def switch(self) -> str:
        """Return the buttons that switch the language with the page's script."""
        buttons = "".join(
            f'<button type="button" lang="{language}" data-language="{language}" '
            f'aria-pressed="{str(language == self.languages[0]).lower()}">{name}</button>'
            for language, name in OWN_NAMES.items()
        )
        label = self.attribute("aria-label", self.words("languages"))
        return f'<div class="languages" role="group" {label}>{buttons}</div>'
