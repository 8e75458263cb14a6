"""Utilities of all packages: files, seeds, validation, lazy rows, optional dependencies."""
