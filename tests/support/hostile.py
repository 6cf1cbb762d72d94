"""Texts that do harm where they are taken for HTML, for Markdown or for an address."""

from __future__ import annotations

MARK = "taken over"


def html(elsewhere: str = "http://evil.invalid") -> str:
    """Return HTML that would run scripts, load from elsewhere and lead away in every way that there is."""
    script = f"document.title='{MARK}';fetch('{elsewhere}/fetch');top.location='{elsewhere}/top'"
    return "".join(
        (
            f"\"'></pre></p></td></div></title></textarea></select></svg></style></script><script>{script}</script>",
            f'<img src=x onerror="{script}"><img src="{elsewhere}/img"><svg onload="{script}"></svg>',
            f"<iframe src=\"javascript:{script}\"></iframe><iframe src='{elsewhere}/frame'></iframe>",
            f"<iframe srcdoc=\"<script>parent.document.title='{MARK}'</script>\"></iframe>",
            f'<link rel=stylesheet href="{elsewhere}/css"><link rel=prefetch href="{elsewhere}/pre">',
            f"<style>@import '{elsewhere}/import';body{{background:url({elsewhere}/background)}}</style>",
            f'<meta http-equiv=refresh content="0;url={elsewhere}/refresh"><base href="{elsewhere}/base">',
            f'<object data="{elsewhere}/object"></object><embed src="{elsewhere}/embed">',
            f'<form action="{elsewhere}/form"><button autofocus onfocus="{script}">x</button></form>',
            f'<a href="javascript:{script}">press</a><details open ontoggle="{script}"></details>',
            f'<video src="{elsewhere}/video" autoplay></video><body onload="{script}">{{{{7*7}}}}${{7*7}}',
        )
    )


def markdown(elsewhere: str = "http://evil.invalid") -> str:
    """Return Markdown that does the same, by HTML in it and by its own means."""
    return "\n\n".join(
        (
            f"# Title {html(elsewhere)}",
            "[press](javascript:alert(1)) [press](data:text/html;base64,PHNjcmlwdD4=) <javascript:alert(1)>",
            f"[press](vbscript:x) [press][r] ![x](javascript:alert(1)) ![x]({elsewhere}/picture)",
            "![x](data:image/svg+xml;base64,PHN2Zy8+) ![x](data:text/html,<script>)",
            f'!["onerror=alert(1)]({elsewhere}/y)',
            f'[x]({elsewhere}/"onmouseover="alert(1)) `{html(elsewhere)}`',
            f"```{html(elsewhere)}\n{html(elsewhere)}\n```",
            "| a | b |\n|---|---|\n| <script>alert(1)</script> | <img src=x onerror=alert(1)> |",
            '[r]: javascript:alert(1) "<script>alert(1)</script>"',
        )
    )
