"""The Flask class of the sandboxes: made several hundred times in a test run, so made quickly."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.routing import Rule


class _MatchingRule(Rule):
    """A rule that finds its view and builds no addresses, which no sandbox does.

    Werkzeug compiles two functions per rule for that, which is nine tenths of adding it.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        return _builds_nothing


def _builds_nothing(rule: Rule, **_values: Any) -> None:
    raise NotImplementedError(f"the sandboxes build no addresses, and not that of {rule.rule}")


class SandboxApp(Flask):
    url_rule_class = _MatchingRule
