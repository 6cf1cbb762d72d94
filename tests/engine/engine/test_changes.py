"""Awaiting changes, from threads and from asyncio."""

from __future__ import annotations

import asyncio
import threading

from metaflow_windmill.devserver.engine.changes import Changes


def test_a_change_before_the_wait_is_not_missed() -> None:
    changes = Changes()
    with changes.subscribe("job") as news:
        changes.publish(["job"])
        assert news.wait(0)
        assert not news.wait(0)


def test_only_those_who_asked_are_woken() -> None:
    changes = Changes()
    with changes.subscribe("a", "b") as mine, changes.subscribe("c") as other:
        changes.publish(["b", "root"])
        assert mine.wait(0)
        assert not other.wait(0)


def test_nothing_is_kept_of_those_who_left() -> None:
    changes = Changes()
    with changes.subscribe("job"):
        pass
    changes.publish(["job"])
    assert changes.waiting == 0


def test_coroutines_are_woken_from_other_threads() -> None:
    changes = Changes()

    async def waits() -> list[bool]:
        with changes.subscribe("job") as news:
            came = [await news.changed(0.01)]
            threading.Timer(0.05, changes.publish, [["job"]]).start()
            came.append(await news.changed(60))
            changes.publish(["job"])
            came.append(await news.changed(60))
            came.append(await news.changed(0.01))
            return came

    assert asyncio.run(waits()) == [False, True, True, False]


def test_a_loop_that_has_ended_hinders_nobody() -> None:
    changes = Changes()

    async def leaves_it_open() -> None:
        news = changes.subscribe("job")
        changes.add(news)
        await news.changed(0.001)

    asyncio.run(leaves_it_open())
    changes.publish(["job"])
