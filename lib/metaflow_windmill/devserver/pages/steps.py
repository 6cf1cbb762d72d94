"""The modules of a run or a flow, one below the other."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.devserver.pages.layout import run_link, state_class, took, when
from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.devserver.pages.graph import GraphArm, GraphNode, GraphTurn

SHOWN_ITERATIONS = 1000
DONE = ("success", "skipped")
REST = ("running", "queued", "waiting")
NAMES = {"failure": "failed", "waiting": "not started"}
SETTLED = ("success", "failure", "canceled", "skipped")


def graph(nodes: Sequence[GraphNode], of: str, chosen: str | None = None) -> Markup:
    """Return the modules of a run; `of` is the run whose page it is."""
    return tag("ol", *(_node(node, of, chosen) for node in nodes), class_="graph")


def told(counts: Counter[str], total: int = 0) -> str:
    """Say how many of several jobs are how far.

    >>> told(Counter(success=12, failure=1, running=2), 30)
    '12 of 30 done, 1 failed, 2 running, 15 not started'
    """
    missing = max(0, total - sum(counts.values()))
    known = Counter(counts)
    known["waiting"] += missing
    every = sum(known.values())
    done = sum(known[word] for word in DONE)
    rest = [word for word in ("failure", "canceled", "not run", *REST) if known[word]]
    return ", ".join(
        [f"{done} of {every} done", *(f"{known[word]} {NAMES.get(word, word)}" for word in rest)]
    )


def job_link(of: str, job: str, content: Markup | str, **attributes: str | None) -> Markup:
    """Return a link to what a job of a run logged and gave, on the run's own page."""
    return tag("a", content, href=f"/run/{quote(of)}?job={quote(job)}#detail", **attributes)


def _node(node: GraphNode, of: str, chosen: str | None) -> Markup:
    title = tag("span", node.title, class_="title")
    if node.job is not None and not node.arms:
        chosen_too = " chosen" if node.job == chosen else ""
        title = job_link(of, node.job, node.title, class_=f"title{chosen_too}")
    said = [title]
    if node.kind != "step":
        said.append(tag("span", node.kind, class_="soft"))
    if node.state:
        said.append(tag("span", node.state, class_="soft", data_state=node.state, data_module=node.id))
    if node.retries:
        said.append(tag("span", f"after {node.retries} failed", class_="soft"))
    if node.again is not None:
        said.append(tag("span", "again at ", when(node.again), class_="soft"))
    if node.counts:
        said.append(tag("span", told(node.counts), class_="soft counts"))
    said.append(tag("span", took(node.began, node.ended), class_="soft"))
    return tag(
        "li",
        tag("div", *said, class_="node"),
        _iterations(node, of, chosen),
        _arms(node.arms, of, chosen),
        class_=state_class(_colour(node)),
    )


def _colour(node: GraphNode) -> str:
    """Return the state of a module, for one of a loop's body the worst of its jobs."""
    if node.state or not node.counts:
        return node.state
    words = ("failure", "running", "queued", "canceled", "success", "skipped")
    return next((word for word in words if node.counts[word]), "")


def _iterations(node: GraphNode, of: str, chosen: str | None) -> Markup:
    if not node.children:
        return text("")
    counts = Counter(child.state for child in node.children)
    if node.state in SETTLED and node.total > len(node.children):
        counts["not run"] = node.total - len(node.children)
    said = tag("div", told(counts, node.total), class_="soft progress")
    squares = [_square(at, child, of, chosen) for at, child in _shown(node.children)]
    left = len(node.children) - len(squares)
    more = tag("div", f"{left} more are not drawn.", class_="soft") if left else text("")
    return join([said, tag("div", *squares, class_="iterations"), more])


def _shown(children: Sequence[GraphTurn]) -> list[tuple[int, GraphTurn]]:
    """Return the iterations that are drawn: the first ones, and of the others those that failed."""
    first = list(enumerate(children[:SHOWN_ITERATIONS]))
    rest = enumerate(children[SHOWN_ITERATIONS:], SHOWN_ITERATIONS)
    return first + [(at, child) for at, child in rest if child.state == "failure"][:SHOWN_ITERATIONS]


def _square(at: int, child: GraphTurn, of: str, chosen: str | None) -> Markup:
    said = {"class_": state_class(child.state), "title": f"{at}: {child.state}"}
    if child.leaf is None:
        return run_link(child.job, "", **said)
    if child.leaf == chosen:
        said["class_"] += " chosen"
    return job_link(of, child.leaf, "", **said)


def _arms(arms: Sequence[GraphArm], of: str, chosen: str | None) -> Markup:
    if not arms:
        return text("")
    return tag("div", *(_arm(arm, of, chosen) for arm in arms), class_="arms")


def _arm(arm: GraphArm, of: str, chosen: str | None) -> Markup:
    name = tag("div", run_link(arm.job, arm.title) if arm.job else arm.title, class_="name")
    return tag("div", name if arm.title else text(""), graph(arm.nodes, of, chosen), class_="arm")
