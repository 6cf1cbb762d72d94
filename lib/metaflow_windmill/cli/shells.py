"""What completes commands in a shell: a program of bash, zsh or fish with all words in it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Words: TypeAlias = "dict[str, tuple[str, ...]]"
"""Commands by their names, each with the words that may follow it."""

TOOL = "metaflow-windmill"
INTERPRETERS = ("python", "python3")

_BASH = """\
# Completes {tool}{more}.
_metaflow_windmill_words() {{
    case "$1" in
{cases}
    esac
}}
_metaflow_windmill_reply() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" without=-*
    case "$current" in -*) without= ;; esac
    COMPREPLY=($(compgen -X "$without" -W "$(_metaflow_windmill_words "$1")" -- "$current"))
}}
_metaflow_windmill() {{
    local word command=
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$word" in -*) ;; *) command=$word; break ;; esac
    done
    _metaflow_windmill_reply "tool $command"
}}
complete -o default -F _metaflow_windmill {tool}
"""

_BASH_FLOWS = """\
_metaflow_windmill_flow() {
    local word command= state=
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$state $word" in
        " "*.py) state=file ;;
        "file windmill") state=windmill ;;
        "windmill "-*) ;;
        "windmill "*)
            case " $(_metaflow_windmill_words "flow ") " in *" $word "*) command=$word; break ;; esac ;;
        esac
    done
    [ "$state" = windmill ] || return 0
    _metaflow_windmill_reply "flow $command"
}
complete -o bashdefault -o default -F _metaflow_windmill_flow python python3
"""

_ZSH = "autoload -U +X compinit && compinit -u\nautoload -U +X bashcompinit && bashcompinit\n"


def bash(own: Words, flows: Words | None) -> str:
    """Return a program for bash.

    Parameters
    ----------
    own : Words
        Of ``metaflow-windmill``.
    flows : Words or None
        Of a flow's ``windmill``; None to leave ``python`` alone.
    """
    cases = [_case("tool", own), *([_case("flow", flows)] if flows else [])]
    more = " and python flow.py windmill" if flows else ""
    text = _BASH.format(tool=TOOL, more=more, cases="\n".join(cases))
    return text + (_BASH_FLOWS if flows else "")


def zsh(own: Words, flows: Words | None) -> str:
    """Return a program for zsh, which takes bash's."""
    return _ZSH + bash(own, flows)


def fish(own: Words, flows: Words | None) -> str:
    """Return a program for fish; see `bash`."""
    lines = [f"# Completes {TOOL}.", f"complete -c {TOOL} -f"]
    lines += _fish(TOOL, own, "test (count (commandline -opc)) -lt 2", "__fish_seen_subcommand_from")
    for program in INTERPRETERS if flows else ():
        inside = "__fish_seen_subcommand_from windmill"
        none = f"{inside}; and not __fish_seen_subcommand_from {' '.join(flows or ())}"
        lines += _fish(program, flows or {}, none, f"{inside}; and __fish_seen_subcommand_from")
    return "\n".join(lines) + "\n"


SHELLS: dict[str, Callable[[Words, Words | None], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
"""What writes the program, by the shell."""


def _case(kind: str, words: Words) -> str:
    rows = {"": tuple(words), **words}
    return "\n".join(
        f"    {shlex.quote(f'{kind} {name}')}) echo {shlex.quote(' '.join(row))} ;;"
        for name, row in rows.items()
    )


def _fish(program: str, words: Words, none: str, some: str) -> list[str]:
    first = [f"complete -c {program} -f -n {shlex.quote(none)} -a {shlex.quote(' '.join(words))}"]
    return first + [
        f"complete -c {program} -n {shlex.quote(f'{some} {name}')} {_fish_word(word)}"
        for name, row in words.items()
        for word in row
    ]


def _fish_word(word: str) -> str:
    if word.startswith("--"):
        return f"-l {word[2:]}"
    return f"-s {word[1:]}" if word.startswith("-") else f"-a {shlex.quote(word)}"
