"""A table of the methods of a class, or of the names of a module, with their first sentences."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.ext.autosummary import Autosummary


class Summary(Autosummary):
    """``.. summary:: utsushi.Autoencoder``: what ``autoclass`` or ``automodule`` documents below.

    ``:exclude:`` leaves out names of a module, as ``:exclude-members:`` does.
    """

    required_arguments = 1
    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {"exclude": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        name = self.arguments[0]
        excluded = {part.strip() for part in self.options.get("exclude", "").split(",")}
        self.options = {"nosignatures": None}
        names = [f"~{name}.{member}" for member in members_of(name) if member not in excluded]
        self.content = StringList(names, source=self.env.docname)
        context = self.env.ref_context
        module = context.pop("py:module", None)  # of what is documented above, not of these names
        try:
            return super().run()
        finally:
            context["py:module"] = module


def members_of(name: str) -> list[str]:
    """Return the names in the table of a module or of a class."""
    try:
        module = import_module(name)
    except ModuleNotFoundError:
        package, _, class_name = name.rpartition(".")
        return methods_of(getattr(import_module(package), class_name))
    public = {member: getattr(module, member) for member in module.__all__}
    return [m for m, value in public.items() if inspect.isclass(value) or inspect.isroutine(value)]


def methods_of(cls: type) -> list[str]:
    """Return the documented methods and properties of a class that are not scikit-learn's."""

    def is_shown(name: str) -> bool:
        value = getattr(cls, name, None)
        is_member = inspect.isroutine(value) or isinstance(value, property)
        theirs = (getattr(value, "__module__", None) or "").startswith("sklearn.")
        return is_member and not theirs and bool(inspect.getdoc(value))

    return [name for name in dir(cls) if not name.startswith("_") and is_shown(name)]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.setup_extension("sphinx.ext.autosummary")
    app.config.autosummary_generate = False
    app.add_directive("summary", Summary)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
