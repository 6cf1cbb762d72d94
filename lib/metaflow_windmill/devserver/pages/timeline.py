"""When each step of a run ran: a bar a task, in as many lanes as ran at a time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.pages.layout import duration, state_class
from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from metaflow_windmill.devserver.store.trees import Twig

MOST_LANES = 24
"""Lanes of a step; what would be in more is drawn over the last one."""

FINEST = 0.002
"""What part of the whole a gap has at least that is seen; jobs with less between them are one bar."""

LANE, GAP = 10, 3
"""The height of a lane and the space between two, in pixels."""


@dataclass(frozen=True)
class Bar:
    """Jobs of one step that ran one after the other, as parts of the whole time.

    Parameters
    ----------
    lane : int
    start, end : float
        Between 0 and 1.
    state : str
        Of the jobs, the worst.
    jobs : int
    """

    lane: int
    start: float
    end: float
    state: str
    jobs: int = 1


@dataclass(frozen=True)
class TimelineRow:
    """One step: its name, its bars, and where its first job waited for a worker."""

    title: str
    bars: tuple[Bar, ...]
    waited: tuple[float, float] | None = None

    @property
    def lanes(self) -> int:
        """How many lanes it has."""
        return 1 + max((bar.lane for bar in self.bars), default=0)


def drawn(twigs: Iterable[Twig], titles: Mapping[str, str], now: int) -> Markup:
    """Return the timeline of a run's jobs; nothing where none has begun."""
    by_step: dict[str, list[Twig]] = defaultdict(list)
    for twig in twigs:
        if twig.for_worker:
            by_step[twig.step_id or ""].append(twig)
    began = [each.created_at for some in by_step.values() for each in some]
    if all(twig.started_at is None for some in by_step.values() for twig in some):
        return text("")
    start, end = min(began), _end(by_step.values(), min(began), now)
    order = [*titles, *(step for step in by_step if step not in titles)]
    rows = [
        row(titles.get(step) or step, by_step[step], start, end, now) for step in order if step in by_step
    ]
    return join([*(_row(each) for each in rows), _axis((end - start) / 1_000_000)])


def row(title: str, twigs: Sequence[Twig], start: int, end: int, now: int) -> TimelineRow:
    """Return the bars of one step between two instants."""
    whole = max(1, end - start)
    begun = sorted(
        (twig for twig in twigs if twig.started_at is not None), key=lambda twig: twig.started_at or 0
    )
    free: list[tuple[int, int]] = []
    used = 0
    bars: dict[int, list[Bar]] = defaultdict(list)
    for twig in begun:
        began, ended = twig.started_at or 0, twig.completed_at if twig.ended else now
        if free and free[0][0] <= began:
            lane = heappop(free)[1]
        else:
            lane, used = min(used, MOST_LANES - 1), used + 1
        heappush(free, (ended or now, lane))
        state = (twig.outcome or "success") if twig.ended else "running"
        _add(bars[lane], Bar(lane, (began - start) / whole, ((ended or now) - start) / whole, state))
    first = begun[0] if begun else min(twigs, key=lambda twig: twig.created_at)
    waits = (first.created_at, first.started_at or now)
    waited = ((waits[0] - start) / whole, (waits[1] - start) / whole)
    return TimelineRow(title, tuple(bar for some in bars.values() for bar in some), waited)


def _add(bars: list[Bar], new: Bar) -> None:
    """Add a bar to a lane, joined with the last one where nobody would see the gap or the bar itself."""
    last = bars[-1] if bars else None
    is_fine = (
        last is not None and new.start - last.end < FINEST and min(_width(last), _width(new)) < 2 * FINEST
    )
    if last is None or not is_fine or (last.state != new.state and _width(new) >= FINEST):
        bars.append(new)
        return
    state = last.state if last.state == "failure" else new.state
    bars[-1] = Bar(last.lane, last.start, max(last.end, new.end), state, last.jobs + new.jobs)


def _width(bar: Bar) -> float:
    return bar.end - bar.start


def _end(groups: Iterable[Sequence[Twig]], start: int, now: int) -> int:
    """Return where the timeline ends; while something runs it grows in leaps, so that bars seldom move."""
    twigs = [twig for some in groups for twig in some]
    if all(twig.ended for twig in twigs):
        return max(twig.completed_at or start for twig in twigs)
    length = 5_000_000
    while start + length < now:
        length += length // 4
    return start + length


def _row(shown: TimelineRow) -> Markup:
    height = shown.lanes * (LANE + GAP) + GAP
    waited = text("")
    if shown.waited is not None and shown.waited[1] > shown.waited[0]:
        waited = _rect(Bar(0, *shown.waited, "waiting"), "waited for a worker", height=2)
    bars = [_rect(bar, _title(bar)) for bar in shown.bars]
    drawing = tag("svg", waited, *bars, width="100%", height=height, role="img")
    return tag("div", tag("div", shown.title, class_="name"), drawing, class_="bars")


def _title(bar: Bar) -> str:
    return bar.state if bar.jobs == 1 else f"{bar.jobs} tasks: {bar.state}"


def _rect(bar: Bar, title: str, height: int = LANE) -> Markup:
    return tag(
        "rect",
        tag("title", title),
        x=f"{bar.start:.3%}",
        y=GAP + bar.lane * (LANE + GAP) + (LANE - height) // 2,
        width=f"{max(_width(bar), 0.003):.3%}",
        height=height,
        rx=2 if height == LANE else 1,
        class_=state_class(bar.state),
    )


def _axis(seconds: float) -> Markup:
    marks = [tag("span", duration(seconds * part)) for part in (0, 0.5, 1)]
    return tag("div", tag("div", "", class_="name"), tag("div", *marks, class_="axis"), class_="bars")
