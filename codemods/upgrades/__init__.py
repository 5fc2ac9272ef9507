"""The codemods that lead a module from one version of the shipped skeleton to the next, one file for a version.

Each has ``VERSION`` and, for what was renamed, ``RENAMES``; or ``transformer()``, which makes one for any other change.
"""
