"""Optional packages: those that a model asks for while its recipe is found, and those that are not there."""

from __future__ import annotations

from contextlib import suppress

from hfcodemod.probing.packages import absent, blocked_by, packages_asked_for


def test_packages_that_are_asked_for_are_noted() -> None:
    from transformers.utils.import_utils import BACKENDS_MAPPING, requires_backends

    before = dict(BACKENDS_MAPPING)
    with packages_asked_for() as asked:
        requires_backends(object, ["torch"])
        assert asked == set()
        BACKENDS_MAPPING["natten"][0]()
        assert asked == set()
        with suppress(ImportError):
            requires_backends(object, ["scipy"])
    assert asked == {"scipy"}
    assert before == BACKENDS_MAPPING


def test_what_is_absent_blocks_by_its_name() -> None:
    assert absent({"torch", "no_such_package", "another_one"}) == ["another_one", "no_such_package"]
    assert blocked_by("natten")["kind"] == "package"
    assert "natten" in blocked_by("natten")["why"]
