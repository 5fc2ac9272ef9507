"""Which architectures belong together as teams plan them: llama, llama4 and diffllama; qwen2, qwen2_vl and qwen3_moe.

A family is found by a rule over the folders of transformers and over what goes into their models, not by a table: what
comes tomorrow has one too. A rule over names is wrong where names mislead (xglm is no glm); nothing depends on it but
the order in which work is planned and the tables in which it is shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hfcodemod.architecture import Architecture

# The version at the end of a word, with the letter that some have behind it: gemma3n, glm46v, step3p7, dinov2.
_VERSION = re.compile(r"v?\d+(?:p\d+)?[a-z]?$")
_ONLY_VERSION = re.compile(r"v?\d+")
# Glued to another word, shorter ones are in too many: "hy" in hyperclovax. With a digit none is found by chance: t5.
SHORTEST = 3


class Families:
    """The families of some architectures, by the folders that these are in.

    The first word of a folder's name that is a name by itself (that of a folder of one word, its version apart) is the
    family's; one that is not the first only if both take in something of the same kind. A word of two names glued
    together (``vipllava``, ``clipseg``) is of the longer one, on the same condition: ``hubert`` hears, ``bert`` reads.
    A folder that ends with the whole of another (``mm_grounding_dino``) is of that one's family. What shares only its
    first word with others makes a family of that word with them. The rest is alone, under the folder's whole name.
    """

    def __init__(self, architectures: Mapping[str, Architecture]) -> None:
        self._architectures = architectures
        self._modalities: dict[str, set[str]] = {}
        for item in architectures.values():
            if item.heads:
                self._modalities.setdefault(item.module, set()).update(item.modalities)

    def of(self, model_type: str) -> str:
        """The family of a model type."""
        folder = self._architectures[model_type].module
        return self._by_folder.get(folder, folder)

    @cached_property
    def members(self) -> dict[str, tuple[str, ...]]:
        """The model types of each family that have a model class, in the order of the catalog; families are sorted."""
        found: dict[str, list[str]] = {}
        for model_type, item in self._architectures.items():
            if item.heads:
                found.setdefault(self.of(model_type), []).append(model_type)
        return {family: tuple(found[family]) for family in sorted(found)}

    @cached_property
    def _known(self) -> dict[str, set[str]]:
        """The names by themselves, and what goes into the models that have them."""
        found: dict[str, set[str]] = {}
        for folder, taken in self._modalities.items():
            first, *more = _words(folder)
            if not more:
                found.setdefault(_stem(first), set()).update(taken)
        return found

    @cached_property
    def _by_folder(self) -> dict[str, str]:
        named = {folder: self._named(folder) for folder in self._modalities}
        first = {folder: _stem(_words(folder)[0]) for folder, family in named.items() if not family}
        shared = Counter(first.values())
        named |= {folder: word if shared[word] > 1 else folder for folder, word in first.items()}
        named = {folder: named.get(family, family) for folder, family in named.items()}
        size = Counter(named.values())
        return {folder: family if size[family] > 1 else folder for folder, family in named.items()}

    def _named(self, folder: str) -> str:
        """The family by a name within the folder's, or another folder whose family it shares; empty without either."""
        taken = self._modalities[folder]
        first, *more = _words(folder)
        if _stem(first) in self._known:
            return self._root(first, taken)
        whole = [other for other in self._modalities if "_" in other and folder.endswith(f"_{other}")]
        if whole:
            return max(whole, key=len)
        for word in more:
            if taken & self._known.get(_stem(word), set()):
                return self._root(word, taken)
        root = self._root(first, taken)
        return "" if root == _stem(first) else root

    def _root(self, word: str, taken: set[str]) -> str:
        """The name that a word is made of: the longest at its beginning or end, and what that one is made of."""
        stem = _stem(word)
        # With its version too: umt5 ends in t5.
        ends = {word[:end] for end in range(len(word))} | {
            text[start:] for text in (word, stem) for start in range(len(text))
        }
        found = [
            name
            for name in ends & self._known.keys() - {stem}
            if (len(name) >= SHORTEST or not name.isalpha()) and self._known[name] & taken
        ]
        return (
            self._root(max(found, key=lambda name: (len(name), word.startswith(name), name)), taken) if found else stem
        )


def _words(folder: str) -> list[str]:
    return [word for word in folder.split("_") if not _ONLY_VERSION.fullmatch(word)] or [folder]


def _stem(word: str) -> str:
    """A word without its version; one of which too little would be left keeps it: t5, mt5."""
    stem = _VERSION.sub("", word)
    return stem if len(stem) >= SHORTEST else word
