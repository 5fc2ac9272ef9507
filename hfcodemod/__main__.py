"""``python -m hfcodemod``."""

from hfcodemod.cli import main

if __name__ == "__main__":
    main()
