"""What the text of an expression tells before any JavaScript runs, by the same rules as the real server's.

Both the short cuts and the rewriting go by the text alone, quirks included: ``results['a']`` in single quotes
is not awaited, and ``flow_input.results.x`` is rewritten although it should not be.
"""

from __future__ import annotations

import re

RESULT = re.compile(r'results\??(?:\.[a-zA-Z_0-9]+|\[".*?"\])')
WHOLE_RESULT = re.compile(r"results\??\.([a-zA-Z_0-9]+)(?:\[(\d+)\])?((?:\.[a-zA-Z_0-9]+)+)?")
PROPERTY = re.compile(r'(flow_input|flow_env)(?:\.(.+)|\["(.+)"\])', re.DOTALL)
FETCHES = ("variable", "resource", "flow_user_state")
STATEMENTS = (
    *("const ", "let ", "var ", "if ", "if(", "for ", "for(", "while ", "while(", "switch ", "switch("),
    *("try ", "try{", "throw ", "function ", "class ", "async ", "await ", "return ", "return;"),
)
JAVASCRIPT_ONLY = "length"
"""A property that JSON does not have, so that a look-up cannot answer it."""


def previous_result_names(previous_id: str) -> tuple[str, ...]:
    """Return the expressions that mean the result of the step before."""
    return (
        f"results.{previous_id}",
        f"results?.{previous_id}",
        f'results["{previous_id}"]',
        f'results?.["{previous_id}"]',
    )


def property_of(expression: str) -> tuple[str, str] | None:
    """Return object and key where the whole expression is a property of ``flow_input`` or ``flow_env``."""
    matched = PROPERTY.fullmatch(expression)
    return (matched[1], matched[2] or matched[3]) if matched else None


def result_path(expression: str) -> tuple[str, list[str]] | None:
    """Return the step and the path inside its result where the whole expression is such a look-up."""
    matched = WHOLE_RESULT.fullmatch(expression)
    if matched is None:
        return None
    rest = matched[3].strip(".").split(".") if matched[3] else []
    if rest and rest[-1] == JAVASCRIPT_ONLY:
        return None
    return matched[1], [*([matched[2]] if matched[2] else []), *rest]


def awaited(expression: str) -> str:
    """Put ``await`` before each thing that is fetched."""
    for name in FETCHES:
        expression = _await_calls(expression, f"{name}(")
    return RESULT.sub(lambda found: f"(await {found.group()})", expression)


def _await_calls(expression: str, call: str) -> str:
    first, *rest = expression.split(call)
    return first + "".join(f"(await {call}{_closed(part)}" for part in rest)


def _closed(text: str) -> str:
    """Add a bracket where the call that the text begins inside of ends."""
    level = 1
    for position, sign in enumerate(text):
        level += {"(": 1, ")": -1}.get(sign, 0)
        if level == 0:
            return f"{text[:position]}){text[position:]}"
    return f"{text})"


def is_statement(expression: str) -> bool:
    """Tell whether the text is the body of a function, which returns its value itself."""
    text = expression.strip()
    return text == "return" or text.startswith(STATEMENTS) or _has_semicolon(text)


def _has_semicolon(text: str) -> bool:
    """Tell whether there is a semicolon outside of strings."""
    quote, before = "", ""
    for sign in text:
        if sign in "'\"`" and before != "\\" and quote in ("", sign):
            quote = "" if quote else sign
        elif sign == ";" and not quote:
            return True
        before = sign
    return False
