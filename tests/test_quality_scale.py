"""Tests of the quality scale: every rule has an answer, and what is done is shown where the answer says."""

import ast
from collections.abc import Iterator
import re
from typing import Any

from homeassistant.util.yaml import load_yaml_dict
import pytest

from .common import INTEGRATION

ROOT = INTEGRATION.parent.parent
ANSWERS: dict[str, Any] = load_yaml_dict(str(INTEGRATION / "quality_scale.yaml"))["rules"]
# ALL_RULES of script/hassfest/quality_scale.py, in Home Assistant's order.
RULES = [
    "action-setup",
    "appropriate-polling",
    "brands",
    "common-modules",
    "config-flow",
    "config-flow-test-coverage",
    "dependency-transparency",
    "docs-actions",
    "docs-conditions",
    "docs-high-level-description",
    "docs-installation-instructions",
    "docs-removal-instructions",
    "docs-triggers",
    "entity-event-setup",
    "entity-unique-id",
    "has-entity-name",
    "runtime-data",
    "test-before-configure",
    "test-before-setup",
    "unique-config-entry",
    "action-exceptions",
    "config-entry-unloading",
    "docs-configuration-parameters",
    "docs-installation-parameters",
    "entity-unavailable",
    "integration-owner",
    "log-when-unavailable",
    "parallel-updates",
    "reauthentication-flow",
    "test-coverage",
    "devices",
    "diagnostics",
    "discovery",
    "discovery-update-info",
    "docs-data-update",
    "docs-examples",
    "docs-known-limitations",
    "docs-supported-devices",
    "docs-supported-functions",
    "docs-troubleshooting",
    "docs-use-cases",
    "dynamic-devices",
    "entity-category",
    "entity-device-class",
    "entity-disabled-by-default",
    "entity-translations",
    "exception-translations",
    "icon-translations",
    "reconfiguration-flow",
    "repair-issues",
    "stale-devices",
    "async-dependency",
    "inject-websession",
    "strict-typing",
]
EVIDENCE = re.compile(r"(?<![\w./-])([\w.-]+/)*[\w.@-]+\.(?:py|md|json|yaml|toml|png)(?:::\w+|#[\w-]+)?")


def _evidence(comment: str) -> list[str]:
    """Return the files in a comment, with what in them is meant."""
    return [found[0] for found in EVIDENCE.finditer(comment)]


def _names(path: str) -> Iterator[str]:
    """Yield the names of everything that a module defines."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def _anchors(path: str) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_coverage() -> None:
    """The coverage that is told of is the one that is asked for."""
    (asked,) = re.findall(r"--cov-fail-under=(\d+)", (ROOT / "scripts" / "test").read_text(encoding="utf-8"))
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for told in (contributing, ANSWERS["test-coverage"]["comment"]):
        assert re.findall(r"fails below (\d+) %", told) == [asked]


def test_rules() -> None:
    """Each of the 54 rules has an answer, in Home Assistant's order but for the names of the tiers."""
    assert len(RULES) == 54
    assert set(ANSWERS) == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_answer(rule: str) -> None:
    """A rule that is done names what shows it, which is there; others say why, or what is missing."""
    answer = ANSWERS[rule]
    assert set(answer) == {"status", "comment"}
    comment = answer["comment"]
    if answer["status"] != "done":
        assert answer["status"] in {"exempt", "todo"}
        assert len(comment.split()) >= 5
        return
    assert _evidence(comment)
    for one in _evidence(comment):
        path, _, name = one.partition("::")
        path, _, anchor = path.partition("#")
        assert (ROOT / path).is_file(), path
        assert not name or name in _names(path), one
        assert not anchor or anchor in _anchors(path), one
