"""The fixed words of a page, in both languages."""

from __future__ import annotations

from utsushi.exceptions import SettingError

__all__ = ["LANGUAGES", "TEXTS", "check_language"]

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "skip": "Skip to the content",
        "contents": "Contents",
        "settings": "Show the settings",
        "footer": "Made with Utsushi {version}. This page is one file and needs no network.",
    },
    "ja": {
        "skip": "本文へ移動",
        "contents": "目次",
        "settings": "設定を表示",
        "footer": "Utsushi {version} で作成．このページは 1 つのファイルで，インターネット接続は不要です．",
    },
}

#: The languages of a report.
LANGUAGES = tuple(TEXTS)


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
