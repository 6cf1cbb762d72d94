from __future__ import annotations

from markdown_it import MarkdownIt

from metaflow_windmill.gitsource import Redactor
from metaflow_windmill.workspace.compiling.flow_reports import MAX_MARKDOWN, FlowReport, Report

GOOD = FlowReport("A", "a.py", "created", "f/x/A", "http://w/flows/get/f/x/A", "c" * 40, "d" * 40, 1.26)
BAD = FlowReport("B", "b.py", "failed", seconds=0.5, reason="it says s3cret-token\n```\nand more")


def test_a_table_a_person_can_read() -> None:
    report = Report("https://host/r.git", "refs/heads/main", "c" * 40, (GOOD,))
    html = MarkdownIt("commonmark").render(report.markdown())
    assert '<a href="http://w/flows/get/f/x/A">f/x/A</a>' in html
    shown = html.split("<pre>")[1].split("</pre>")[0]
    assert "A     a.py  cccccccccccc  dddddddddddd      1.3  ✅ created" in shown
    assert report.to_result(Redactor())["flows"][0]["seconds"] == 1.26
    assert "wm_failure" not in report.to_result(Redactor())


def test_all_reasons_make_the_job_fail_and_no_secret_is_in_them() -> None:
    later = FlowReport("C", "c.py", "not tried", reason="the token ended")
    result = Report("r", "main", "c" * 40, (GOOD, BAD, later)).to_result(Redactor(["s3cret-token"]))
    assert result["wm_failure"].startswith("2 of 3 flows were not deployed")
    assert "the token ended" in result["wm_failure"]
    assert "s3cret" not in str(result)
    html = MarkdownIt("commonmark").render(result["markdown"])
    shown = html.split("<pre>")[2].split("</pre>")[0]
    assert "and more" in shown, "the text's own fence does not end the block"


def test_names_from_a_repository_are_text() -> None:
    nasty = FlowReport("A|B", "[x](javascript:alert(1))<img src=x>`.py", "created")
    html = MarkdownIt("commonmark", {"html": True}).render(Report("r`", "m", "c", (nasty,)).markdown())
    assert "<img" not in html
    assert "javascript:" not in html.split("href")[-1] or "href" not in html
    assert "A|B" in html


def test_a_summary_counts() -> None:
    unchanged = FlowReport("B", "b.py", "unchanged")
    assert Report("r", "m", "c", (GOOD, unchanged, unchanged)).summary() == "1 created, 2 unchanged"
    assert Report("r", "m", "c").summary() == "no flows were found"


def test_windmill_shows_so_much_and_no_more() -> None:
    long = FlowReport("A", "a.py", "would update", diff="+ line\n" * 50_000)
    text = Report("r", "m", "c", (long,), dry_run=True).markdown()
    assert len(text) < MAX_MARKDOWN + 100
    assert text.endswith("cut here; see the log.")
