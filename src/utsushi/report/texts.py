"""The fixed words of a page, in both languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from utsushi.exceptions import SettingError

__all__ = [
    "LANGUAGES",
    "OWN_NAMES",
    "TEXTS",
    "check_language",
    "in_each_language",
    "languages_from",
]

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "skip": "Skip to the content",
        "contents": "Contents",
        "settings": "Show the settings",
        "footer": "Made with Utsushi {version}. This page is one file and needs no network.",
        "languages": "Language",
        "models_title": "Settings",
        "lead": "Encoder and decoder run in this page: walk through the code, and see what a place in it stands for.",
        "curve_training": "training rows",
        "curve_held_out": "held-out rows",
        "unit_error": "squared error / features",
        "unit_loss": "loss / features",
        "unit_objective": "objective, nats per row",
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
        "unit_loss": "損失 / 特徴数",
        "unit_objective": "目的関数（1 件あたり，nat）",
    },
}

#: The languages of a report, and what each calls itself.
LANGUAGES = tuple(TEXTS)
OWN_NAMES = {"en": "English", "ja": "日本語"}


def in_each_language(
    say: Callable[[Mapping[str, str]], str], texts: Mapping[str, Mapping[str, str]] = TEXTS
) -> dict[str, str]:
    """Return what ``say`` makes of the words of each language.

    Examples
    --------
    >>> in_each_language(lambda words: words["languages"])
    {'en': 'Language', 'ja': '言語'}
    """
    return {language: say(words) for language, words in texts.items()}


def languages_from(first: str) -> tuple[str, ...]:
    """Return all languages, one of them first.

    Examples
    --------
    >>> languages_from("ja")
    ('ja', 'en')
    """
    return (first, *(language for language in LANGUAGES if language != first))


def check_language(language: str) -> None:
    """Refuse a language that reports do not speak.

    Raises
    ------
    SettingError
        If ``language`` is none of `LANGUAGES`.

    Examples
    --------
    >>> check_language("ja")
    """
    if language not in TEXTS:
        raise SettingError(
            f"lang={language!r}, expected one of {', '.join(LANGUAGES)}; choose one of them"
        )
