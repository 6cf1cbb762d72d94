"""How far each job of a run is, by those below it that need a worker: what waits for one does not run."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from metaflow_windmill.devserver.store.trees import Twig

RUNNING, QUEUED = "running", "queued"


@dataclass(frozen=True)
class Told:
    """What became of a job.

    Parameters
    ----------
    state : str
        ``queued``, ``running``, ``success``, ``failure``, ``canceled`` or ``skipped``.
    began, ended : int or None
        When the first job below began at a worker, and when all had ended, in microseconds since 1970.
    """

    state: str
    began: int | None = None
    ended: int | None = None


@dataclass(frozen=True)
class Tree:
    """The jobs of a run.

    Parameters
    ----------
    twigs : mapping
        Every job by its id, each after its parent.
    below : mapping
        The jobs right below a job, without those that another attempt replaced.
    told : mapping
        What became of each job.
    replaced : frozenset of str
        Failed attempts that were followed by another one.
    """

    twigs: Mapping[str, Twig]
    below: Mapping[str, Sequence[Twig]]
    told: Mapping[str, Told]
    replaced: frozenset[str] = frozenset()

    def under(self, job: str) -> Iterator[Twig]:
        """Go through all jobs below a job that count, each after its parent."""
        for twig in self.below.get(job, ()):
            yield twig
            yield from self.under(twig.id)

    def of_step(self, job: str, step: int, attempt: int | None = None) -> list[Twig]:
        """Return the jobs that a module of a flow job became, in the order of their iterations."""
        found = [twig for twig in self.below.get(job, ()) if twig.step == step]
        if attempt is not None:
            found = [twig for twig in found if twig.attempt == attempt]
        return sorted(found, key=lambda twig: twig.iteration or 0)

    def state(self, job: str) -> str:
        """Return the state of a job; what is not there waits."""
        return self.told[job].state if job in self.told else "waiting"


def grown(twigs: Iterable[Twig]) -> Tree:
    """Return the tree of jobs, each given after its parent."""
    by_id = {twig.id: twig for twig in twigs}
    last: dict[tuple[str | None, int | None, int | None], Twig] = {}
    for twig in by_id.values():
        last[_place(twig)] = twig
    replaced = frozenset(twig.id for twig in by_id.values() if last[_place(twig)] is not twig)
    below: dict[str, list[Twig]] = defaultdict(list)
    for twig in by_id.values():
        if twig.parent is not None and twig.id not in replaced:
            below[twig.parent].append(twig)
    told: dict[str, Told] = {}
    for twig in reversed(by_id.values()):
        told[twig.id] = _told(twig, [(each, told[each.id]) for each in below.get(twig.id, ())])
    return Tree(by_id, below, told, replaced)


def counted(twigs: Iterable[Twig], tree: Tree) -> dict[str, Counter[str]]:
    """Count jobs by the module that they are of and by their state."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for twig in twigs:
        counts[twig.step_id or ""][tree.told[twig.id].state] += 1
    return counts


def joint(states: Iterable[str]) -> str:
    """Return the state of what consists of jobs that have not all ended."""
    found = set(states)
    return next((word for word in (RUNNING, QUEUED) if word in found), RUNNING)


def _place(twig: Twig) -> tuple[str | None, int | None, int | None]:
    """Return what the attempts of one task have in common; a job outside of any flow stands for itself."""
    return (twig.id, None, None) if twig.step is None else (twig.parent, twig.step, twig.iteration)


def _told(twig: Twig, below: Sequence[tuple[Twig, Told]]) -> Told:
    if twig.for_worker:
        return Told(_state(twig, ()), twig.started_at, twig.completed_at)
    starts = [told.began for _, told in below if told.began is not None]
    began = min(starts, default=None if below else twig.started_at)
    return Told(
        _state(twig, [told.state for each, told in below if not each.ended]), began, twig.completed_at
    )


def _state(twig: Twig, alive: Sequence[str]) -> str:
    if twig.ended:
        return twig.outcome or "success"
    return joint(alive) if alive else twig.state
