"""Finds a recipe: the one place of the package that runs torch."""
