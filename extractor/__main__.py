"""``python -m extractor`` is the command ``extractor``."""

from .cli import main

if __name__ == "__main__":
    main()
