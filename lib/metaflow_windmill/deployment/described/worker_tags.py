"""Which workers a step goes to: rules from Metaflow's configuration turn ``@resources`` into a tag.

``METAFLOW_WINDMILL_WORKER_TAGS`` holds a JSON list of rules, such as
``[{"tag": "gpu", "gpu": 1}, {"tag": "large", "memory": 32000}]``. The first one whose amounts a
step asks for decides; one without amounts is for all that is left.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from metaflow_windmill.compiler import TagRule
from metaflow_windmill.contract.worker_options import is_worker_tag
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.graph import Dag
    from metaflow_windmill.types import Json

SETTING = "METAFLOW_WINDMILL_WORKER_TAGS"


def read_rules(setting: Json) -> tuple[TagRule, ...]:
    """Return the rules in a setting, given as JSON or as the text of it.

    Raises
    ------
    DeployError
        If it holds anything else.
    """
    try:
        data = json.loads(setting) if isinstance(setting, str) else setting
    except ValueError as why:
        raise DeployError(f"{SETTING} is not JSON: {why}") from None
    if not isinstance(data, list):
        raise DeployError(f"{SETTING} must be a list of rules, such as {_EXAMPLE}")
    return tuple(_rule(item) for item in data)


def tag_beside_steps(dag: Dag, rules: Iterable[TagRule]) -> str | None:
    """Return which workers run what is no step: exit hooks, the event of a run's end, notifications.

    That of all steps where they say the same one, since only those workers may reach the datastore; otherwise
    that of the rule for steps that ask for nothing.
    """
    own = {step.needs.tag for step in dag.steps}
    if len(own) == 1 and None not in own:
        return own.pop()
    return next((rule.tag for rule in rules if rule.holds({})), None)


def without_workers(dag: Dag, rules: Iterable[TagRule]) -> list[str]:
    """Return the steps whose ``@resources`` no rule knows: they run wherever there is room."""
    known = tuple(rules)
    return [
        step.name
        for step in dag.steps
        if any(step.needs.resources.get(name, 0) > usual for name, usual in _USUAL.items())
        and not step.needs.tag
        and not any(rule.holds(step.needs.resources) for rule in known)
    ]


_EXAMPLE = '[{"tag": "gpu", "gpu": 1}]'
_USUAL = {"cpu": 1, "memory": 4096, "gpu": 0, "trainium": 0, "inferentia": 0, "disk": 0, "shared_memory": 0}
"""What ``@resources`` asks for where nothing is said (resources_decorator.py)."""


def _rule(item: Json) -> TagRule:
    tag = item.get("tag") if isinstance(item, dict) else None
    if not is_worker_tag(tag):
        raise DeployError(
            f"{SETTING} has the rule {json.dumps(item)}, which names no tag of a worker; "
            f"write it like {_EXAMPLE}"
        )
    least = {name: amount for name, amount in item.items() if name != "tag"}
    for name, amount in least.items():
        if isinstance(amount, bool) or not isinstance(amount, (int, float)):
            raise DeployError(f"{SETTING}: {name!r} of the tag {tag!r} takes a number, not {amount!r}")
    return TagRule(str(tag), least)
