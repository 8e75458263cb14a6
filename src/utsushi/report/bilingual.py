"""Text in one language or in several, of which the page shows one."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from utsushi.report.texts import OWN_NAMES, TEXTS

__all__ = ["Voices"]


class Voices:
    """What is said in each language of a page.

    Parameters
    ----------
    languages : sequence of str
        The first is the one that shows when the page is opened.

    Examples
    --------
    >>> Voices(["en", "ja"]).html(["code", "コード"])
    '<span lang="en">code</span><span lang="ja">コード</span>'
    >>> Voices(["en", "ja"]).html(["AE < VAE", "AE < VAE"])
    'AE &lt; VAE'
    """

    def __init__(self, languages: Sequence[str]) -> None:
        self.languages = tuple(languages)

    def html(self, texts: Sequence[str]) -> str:
        """Return a text of each language as HTML; equal ones are written once."""
        if len(set(texts)) == 1:
            return escape(texts[0])
        return "".join(
            f'<span lang="{language}">{escape(text)}</span>'
            for language, text in zip(self.languages, texts, strict=True)
        )

    def attribute(self, name: str, texts: Sequence[str]) -> str:
        """Return an attribute in the first language, with the others beside it.

        Examples
        --------
        >>> Voices(["en", "ja"]).attribute("alt", ["map", "散布図"])
        'alt="map" data-en-alt="map" data-ja-alt="散布図"'
        """
        shown = f'{name}="{escape(texts[0])}"'
        if len(set(texts)) == 1:
            return shown
        others = (
            f'data-{language}-{name}="{escape(text)}"'
            for language, text in zip(self.languages, texts, strict=True)
        )
        return " ".join([shown, *others])

    def words(self, key: str, **values: str) -> list[str]:
        """Return one of the page's fixed texts in each language."""
        return [TEXTS[language][key].format(**values) for language in self.languages]

    def switch(self) -> str:
        """Return the buttons that change the language, which the page's script listens to."""
        buttons = "".join(
            f'<button type="button" lang="{language}" data-language="{language}" '
            f'aria-pressed="{str(language == self.languages[0]).lower()}">{name}</button>'
            for language, name in OWN_NAMES.items()
        )
        label = self.attribute("aria-label", self.words("languages"))
        return f'<div class="languages" role="group" {label}>{buttons}</div>'
