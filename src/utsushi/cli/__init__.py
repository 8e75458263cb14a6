"""The command line: parse arguments, call the library, print results."""

from utsushi.cli.main import main

__all__ = ["main"]
