"""``Deployer(...).windmill()``: what Metaflow imports at once is here, the rest when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from metaflow.runner.deployer_impl import DeployerImpl

if TYPE_CHECKING:
    from metaflow_extensions.windmill.plugins.windmill_deployer_objects import WindmillDeployedFlow

_SERVER = {
    "windmill_host": "WINDMILL_HOST",
    "windmill_token": "WINDMILL_TOKEN",
    "windmill_workspace": "WINDMILL_WORKSPACE",
}

_FROM_PYTHON = "WINDMILL_ASKED_FROM_PYTHON"
"""`metaflow_windmill.terminal.python_words.FROM_PYTHON`, which this module cannot import at its top."""


class WindmillDeployer(DeployerImpl):  # type: ignore[misc]  # Metaflow has no types
    """Deploys a flow to Windmill.

    Parameters
    ----------
    deployer_kwargs : dict of str to str
        Options before the command: ``name``, ``folder``, ``windmill_host``, ``windmill_token``,
        ``windmill_workspace``, all optional.
    **kwargs : Any
        As for every deployer of Metaflow.
    """

    TYPE: ClassVar[str | None] = "windmill"

    def __init__(self, deployer_kwargs: dict[str, str], **kwargs: object) -> None:
        self._deployer_kwargs: dict[str, object] = {**deployer_kwargs}
        super().__init__(**kwargs)
        self.env_vars[_FROM_PYTHON] = "1"
        self._take_server(self._deployer_kwargs)

    @property
    def deployer_kwargs(self) -> dict[str, object]:
        """The options before the command."""
        return self._deployer_kwargs

    @staticmethod
    def deployed_flow_type() -> type[WindmillDeployedFlow]:
        """Return the class of what `create` returns."""
        from metaflow_extensions.windmill.plugins.windmill_deployer_objects import WindmillDeployedFlow

        return WindmillDeployedFlow

    def create(self, **kwargs: object) -> WindmillDeployedFlow:
        """Deploy the flow.

        Parameters
        ----------
        windmill_host, windmill_token, windmill_workspace : str, optional
            Which Windmill; else ``WINDMILL_HOST``, ``WINDMILL_TOKEN``, ``WINDMILL_WORKSPACE``.
        name, folder : str, optional
            Where; the flow's name in ``f/flows`` if not given.
        max_workers : int, optional
            Most tasks of one foreach at a time.
        pack : int, optional
            How many items of a foreach one job runs; with it, steps in a row are one job too.
        memo : bool, default False
            Whether tasks that changed in nothing since an earlier success are cloned instead of run.
        max_num_splits : int, default 100
            Most splits that a foreach may make.
        workflow_timeout : int, optional
            Most seconds that a run may take.
        workflow_title, workflow_description : str, optional
            What the flow's page shows instead of its name and its docstring.
        notify_on_error, notify_on_success : bool, default False
            Whether to notify of the end of a run.
        notify_slack_webhook_url, notify_webhook_url, notify_pager_duty_integration_key : str, optional
        notify_incident_io_api_key : str, optional
            Where the address or the key is in Windmill, such as ``f/folder/variable``.
        incident_io_alert_source_config_id : str, optional
        incident_io_metadata : list of str, optional
            What incident.io needs beside a key.
        requirements : str, optional
            A file of packages for every step.
        secrets : list of str, optional
            ``NAME=f/folder/variable``, each an environment variable of every task.
        tags : list of str, optional
            Tags of every run.
        user_namespace : str, optional
            Namespace of the runs' tasks.
        authorize, given_token : str, optional
        generate_new_token : bool, default False
            As for Metaflow's other orchestrators.

        Returns
        -------
        WindmillDeployedFlow

        Raises
        ------
        RuntimeError
            If it was not deployed, with what the command said.
        """
        from metaflow_extensions.windmill.plugins.windmill_deployer_objects import WindmillDeployedFlow
        from metaflow_windmill.cli.deployer.commands import clean, whole_error

        self._take_server(kwargs)
        self._deployer_kwargs.update({key: kwargs.pop(key) for key in ("name", "folder") if key in kwargs})
        try:
            with whole_error(self.spm.commands.values()):
                created: WindmillDeployedFlow = self._create(WindmillDeployedFlow, **kwargs)
        finally:
            clean(self.spm.commands.values())
        return created

    def _take_server(self, options: dict[str, object]) -> None:
        """Hand on the server by the environment: everybody on the machine may read a command line."""
        for option, variable in _SERVER.items():
            value = options.pop(option, None)
            if value is not None:
                self.env_vars[variable] = str(value)


_addl_stubgen_modules = [
    "metaflow_extensions.windmill.plugins.windmill_deployer_objects",
    "metaflow_extensions.windmill.plugins.windmill_triggered_run",
]
