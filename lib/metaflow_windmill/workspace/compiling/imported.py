"""What a flow needs installed where its repository says nothing: what its files import.

Nothing of it is installed here that could tell the packages' names. They are those that are well
known, or else the modules' own names; the installer finds the versions, and what it installed is
looked at before the flow is compiled with it.
"""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from metaflow_windmill.errors import DeployError
from metaflow_windmill.package.lock import normal
from metaflow_windmill.package.sources import Sources, foreign_imports
from metaflow_windmill.package.well_known import package_of
from metaflow_windmill.process.confined import Confinement, run_confined
from metaflow_windmill.workspace.compiling.discovery import modules_of
from metaflow_windmill.workspace.compiling.repository_requirements import Requirements

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from metaflow_windmill.package.imports import Import
    from metaflow_windmill.workspace.compiling.environments import Environment

LOOKING = Confinement(seconds=60)
_LOOK = "import importlib.util, sys; print(*[m for m in sys.argv[1:] if not importlib.util.find_spec(m)])"


def imported_requirements(root: Path, flow_file: str, files: Iterable[str]) -> Requirements:
    """Return the packages of what a flow and the files that it imports import from elsewhere.

    Parameters
    ----------
    root : Path
        Of the checkout.
    flow_file : str
        Its files outside of the flow's folder are not in the code package, and do not count, but for those
        of ``@package_sources``.
    files : iterable of str
        All regular files of the checkout; a name that one of them has is none of a package.
    """
    checkout, folder = frozenset(files), PurePosixPath(flow_file).parent
    own = {part.partition(".")[0] for file in checkout for part in PurePosixPath(file).parts}
    texts = {
        str(PurePosixPath(name).relative_to(folder)): (root / file).read_text("utf-8", errors="replace")
        for name, file in modules_of(root, flow_file, checkout).items()
        if PurePosixPath(name).is_relative_to(folder)
    }
    imports = foreign_imports(Sources(texts), PurePosixPath(flow_file).name)
    needed = [item for item in imports if not item.optional and item.top not in own]
    lines = sorted({package_of(item.module) for item in needed} - {""})
    if not lines:
        return Requirements()
    return Requirements(tuple(lines), f"the imports of {flow_file}", imports=_firsts(needed))


def check_imports(requirements: Requirements, environment: Environment) -> None:
    """Look whether what was installed has the modules that are imported.

    Raises
    ------
    DeployError
        Naming a module that it does not have, and where that is imported.
    """
    if not requirements.imports:
        return
    done = run_confined(
        [str(environment.python), "-c", _LOOK, *(item.top for item in requirements.imports)],
        directory=environment.python.parent,
        environment={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(environment.search)},
        confinement=LOOKING,
    )
    absent = set(done.output.decode(errors="replace").split())
    for item in requirements.imports:
        if item.top in absent:
            raise DeployError(
                f"{item.file}, line {item.line}, imports {item.top}, and the package "
                f"{package_of(item.module)!r} has no such module. Name the packages of "
                "the flow in a requirements.txt beside it."
            )


def told(requirements: Requirements, environment: Environment) -> tuple[str, ...]:
    """Return a sentence on what was installed because it is imported; none where the repository says it."""
    if not requirements.imports:
        return ()
    wanted = set(map(normal, requirements.lines))
    pins = [pin for pin in environment.pins if normal(pin.partition("==")[0]) in wanted]
    named = ", ".join(pins).replace("==", " ")
    said = (
        f"Windmill installs {named} for the steps, which the flow imports. A requirements.txt beside the "
        "flow says it better; an empty one turns that off."
    )
    return (said,)


def _firsts(imports: Iterable[Import]) -> tuple[Import, ...]:
    firsts: dict[str, Import] = {}
    for item in imports:
        firsts.setdefault(item.top, item)
    return tuple(firsts.values())
