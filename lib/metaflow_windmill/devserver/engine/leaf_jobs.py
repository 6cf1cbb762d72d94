"""The jobs that a leaf of a flow becomes: a script, or a whole flow of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine.definitions import with_virtual_end
from metaflow_windmill.devserver.engine.plan import PREPROCESSOR, Broken, ChildJob, FlowState
from metaflow_windmill.devserver.model import ScriptCode
from metaflow_windmill.openflow import RawScript, Script, SubFlow, read_flow_value

if TYPE_CHECKING:
    from metaflow_windmill.devserver.model import Catalog, RunnableFlow
    from metaflow_windmill.openflow import FlowValue, Module
    from metaflow_windmill.types import Json

FLOW_TAG = "flow"
"""The tag of flows; a flow with another one passes it on to its steps."""


class Leaves:
    """Makes the children of one flow job that are not parts of its own value.

    Parameters
    ----------
    flow : FlowState
    catalog : Catalog
        Where scripts and flows are found by path.
    """

    def __init__(self, flow: FlowState, catalog: Catalog) -> None:
        self._flow, self._catalog = flow, catalog

    def child(
        self,
        module: Module,
        path: str,
        args: dict[str, Json],
        error: str | None,
        timeout: int | None,
        *,
        iteration: int = 0,
    ) -> ChildJob:
        """Return the job of a leaf.

        Parameters
        ----------
        module : Module
            Its value is a `RawScript`, a `Script` or a `SubFlow`.
        path : str
            Of an inline script.
        args : dict
        error : str or None
            Why the arguments could not be computed.
        timeout : int or None
            What the module says.

        Raises
        ------
        Broken
            If there is nothing at the path that the module names.
        """
        value, said = module.value, _scopes(module)
        if isinstance(value, SubFlow):
            return self._sub_flow(value, args, error)
        if isinstance(value, Script):
            code = self._script(value)
            tag, kind, limit = value.tag_override or code.tag, "script", timeout or code.timeout
        elif isinstance(value, RawScript):
            code = ScriptCode(value.content, value.language, value.lock, value.path or path, tag=value.tag)
            tag, limit = value.tag, timeout
            kind = "preview" if self._flow.is_preview else "flowscript"
        else:
            raise Broken(f"Module {module.id} is of a kind that the embedded server cannot run.")
        return ChildJob(
            kind="script" if kind == "script" else "preview" if kind == "preview" else "flowscript",
            args=args,
            path=code.path,
            code=code,
            hash=code.hash,
            tag=self.tag(tag, code.language),
            timeout=limit,
            iteration=iteration,
            error=error,
            scopes=code.scopes if said is None else said,
        )

    def tag(self, own: str | None, default: str) -> str:
        """Return the tag of a step: the flow's, where the flow has one that is not the common one."""
        of_flow = self._flow.job.tag
        if of_flow == FLOW_TAG or self._flow.run.step == PREPROCESSOR:
            return own or default
        preserves = bool(self._flow.value.extra.get("preserve_step_tags"))
        return own if preserves and own else of_flow

    def _script(self, value: Script) -> ScriptCode:
        workspace = self._flow.job.workspace
        if value.hash:
            code = self._catalog.script_by_hash(workspace, value.hash)
        else:
            code = self._catalog.script(workspace, value.path)
        if code is None:
            raise Broken(f"Not found: script not found at name {value.path}")
        return code

    def _sub_flow(self, value: SubFlow, args: dict[str, Json], error: str | None) -> ChildJob:
        version = self._catalog.flow(self._flow.job.workspace, value.path)
        if version is None:
            raise Broken(f"Not found: flow not found at name {value.path}")
        return ChildJob(
            kind="flow",
            args=args,
            path=version.path,
            flow=value_of(version),
            hash=str(version.version),
            tag=self.tag(version.tag, FLOW_TAG),
            own_root=True,
            error=error,
        )


def value_of(version: RunnableFlow, *, deployed: bool = True) -> FlowValue:
    """Return the value of a flow as the engine runs it.

    Raises
    ------
    InvalidDocument
        If it is not a flow value.
    """
    return with_virtual_end(read_flow_value(version.value, deployed=deployed))


def _scopes(module: Module) -> tuple[str, ...] | None:
    """Return what the tokens of a module's jobs are restricted to; None where it does not say."""
    said = module.extra.get("job_token_scopes")
    return None if said is None else tuple(map(str, said))
