"""The catalog as the engine asks for it: by workspace and path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import (
    flow_locks,
    flows,
    resources,
    scripts,
    variables,
    workspaces,
)
from metaflow_windmill.devserver.catalog.newest import Newest
from metaflow_windmill.devserver.catalog.references import fill_in

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from metaflow_windmill.devserver.catalog.vault import Vault
    from metaflow_windmill.devserver.model import RunnableFlow, ScriptCode
    from metaflow_windmill.devserver.store.database import Database
    from metaflow_windmill.types import Json


def _forget(_secret: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class WorkspaceSource:
    """The variables and resources of one workspace, for `fill_in`."""

    connection: sqlite3.Connection
    vault: Vault
    workspace: str
    hide: Callable[[str], None] | None = None

    def variable(self, path: str) -> str | None:
        """Return a variable's text; a secret one is told to `hide`."""
        text = variables.value(self.connection, self.vault, self.workspace, path)
        if text and self.hide and variables.is_secret(self.connection, self.workspace, path):
            self.hide(text)
        return text

    def resource(self, path: str) -> Json:
        """Return a resource's value as it was written."""
        return resources.value(self.connection, self.workspace, path)


class WorkspaceCatalog:
    """Implements `metaflow_windmill.devserver.model.Catalog` over the database.

    Parameters
    ----------
    database : Database
    vault : Vault
        Opens the secrets.
    newest_flows, newest_scripts : Newest, optional
        What the server remembers of newest versions.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        newest_flows: Newest[RunnableFlow] | None = None,
        newest_scripts: Newest[ScriptCode] | None = None,
    ) -> None:
        self._database = database
        self._vault = vault
        self._newest_flows = newest_flows or Newest()
        self._newest_scripts = newest_scripts or Newest()

    def script(self, workspace: str, path: str) -> ScriptCode | None:
        """Return the latest deployed script at a path, as far as this server has heard."""
        connection = self._database.read()
        newest = scripts.runnable(connection, workspace, path)
        heard = self._newest_scripts.of(
            (workspace, path),
            newest,
            lambda before: scripts.followed(connection, workspace, path, before.hash),
        )
        if heard is None or heard is newest or heard.hash is None:
            return newest
        return scripts.runnable_version(connection, workspace, heard.hash) or heard

    def script_by_hash(self, workspace: str, hash_: str) -> ScriptCode | None:
        """Return one version of a script."""
        return scripts.runnable_version(self._database.read(), workspace, hash_)

    def flow(self, workspace: str, path: str) -> RunnableFlow | None:
        """Return the latest version of a flow, as far as this server has heard."""
        connection = self._database.read()
        newest = flows.latest(connection, workspace, path)
        heard = self._newest_flows.of(
            (workspace, path),
            newest,
            lambda before: flows.followed(connection, workspace, path, before.version),
        )
        if heard is None or heard is newest:
            return newest
        return flows.at_version(connection, workspace, heard.version) or heard

    def script_text(self, workspace: str, path: str) -> str | None:
        """Return the text of the latest script at a path, whether it can be run yet or not."""
        return scripts.text(self._database.read(), workspace, path)

    def unlocked(self, workspace: str, version: str) -> tuple[ScriptCode, ...]:
        """Return the scripts in one version of a flow whose requirements were never resolved."""
        found = flows.at_version(self._database.read(), workspace, int(version))
        return () if found is None else flow_locks.codes(found)

    def keep_locks(self, connection: sqlite3.Connection, workspace: str, hash_: str, locks: Json) -> None:
        """Keep the locks of a script or of one version of a flow, in the order of its scripts."""
        if scripts.set_lock(connection, workspace, hash_, locks) or not hash_.isdecimal():
            return
        found = flows.at_version(connection, workspace, int(hash_))
        if found is not None:
            flows.set_value(connection, workspace, found.version, flow_locks.with_locks(found.value, locks))

    def variable(self, workspace: str, path: str) -> str | None:
        """Return a variable's value, decrypted."""
        return variables.value(self._database.read(), self._vault, workspace, path)

    def resource(self, workspace: str, path: str) -> Json:
        """Return a resource's value with its references filled in; None where it is absent."""
        found = resources.value(self._database.read(), workspace, path)
        return None if found is None else self.fill_in(workspace, found, _forget)

    def fill_in(self, workspace: str, value: Json, hide: Callable[[str], None]) -> Json:
        """Return a value with its references filled in, and tell ``hide`` each secret in it."""
        return fill_in(value, WorkspaceSource(self._database.read(), self._vault, workspace, hide))

    def secrets(self, workspace: str) -> list[str]:
        """Return the values of all secret variables of a workspace."""
        return variables.secrets(self._database.read(), self._vault, workspace)

    def environment(self, workspace: str) -> dict[str, str]:
        """Return the environment variables that the workspace sets for every job."""
        return workspaces.environment(self._database.read(), workspace)
