"""How Sphinx builds the site: ``make docs`` says of what, in which languages.

The language is ``-D language=ja``; nothing is fetched, neither at the build nor by the pages.
"""

from __future__ import annotations

import sys
from inspect import isbuiltin
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from sphinx.application import Sphinx

from utsushi import __version__

project = "Utsushi"
author = "The Utsushi developers"
copyright = "the Utsushi developers, MIT licence"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "executed",
    "existing_pages",
    "japanese_search",
    "lectures",
    "mathml",
    "summaries",
    "two_languages",
    "written_by_tools",
]

# --- sources ------------------------------------------------------------------------------------

exclude_patterns = ["_build", "locale"]
locale_dirs = ["locale"]
gettext_compact = False
gettext_uuid = False
gettext_location = False

myst_enable_extensions = ["attrs_block", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

smartquotes_action = "qe"  # quotes and ellipses: a dash would make of --data another word

# --- reference ----------------------------------------------------------------------------------

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say them, with shapes and units
autodoc_preserve_defaults = True
napoleon_google_docstring = False
# Types are sentences here ("ndarray of shape (n_samples, n_features)"), and not names to link.
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]
add_module_names = False
toc_object_entries_show_parents = "hide"
default_role = "py:obj"  # what is no public name is shown as code
python_maximum_signature_line_length = 88

# --- pages --------------------------------------------------------------------------------------

html_theme = "furo"
html_title = "Utsushi"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["site.css"]
html_favicon = "_static/utsushi.svg"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_logo": "utsushi.svg",
    "dark_logo": "utsushi.svg",
    "light_css_variables": {
        "color-brand-primary": "#9c3d22",
        "color-brand-content": "#9c3d22",
        "color-brand-visited": "#7a3f52",
    },
    "dark_css_variables": {
        "color-brand-primary": "#f0a283",
        "color-brand-content": "#f0a283",
        "color-brand-visited": "#d9a0b4",
    },
}
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/language.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"


def skip_what_others_wrote(
    app: object, what: str, name: str, member: object, skip: bool, options: object
) -> bool | None:
    """Leave out what scikit-learn and torch document: what is inherited, or kept as a value."""
    module = getattr(member, "__module__", None) or ""
    return True if module.startswith("sklearn.") or isbuiltin(member) else None


def setup(app: Sphinx) -> None:
    """Connect the above."""
    app.connect("autodoc-skip-member", skip_what_others_wrote)
