"""How conflicts name what has no name of its own."""

MODULE = "(module)"
"""The whole module."""
HEADER = "(header)"
"""A class's decorators and bases, behind the name of the class: ``TestOlmo.(header)``."""
