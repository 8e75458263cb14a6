"""What all packages use: files, seeds, validation, lazy rows, optional dependencies."""
