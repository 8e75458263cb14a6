"""``python -m utsushi``."""

from utsushi.cli import main

if __name__ == "__main__":
    main()
