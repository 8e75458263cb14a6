"""The command line: parse, call the library, print."""

from utsushi.cli.main import main

__all__ = ["main"]
