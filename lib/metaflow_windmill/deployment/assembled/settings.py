"""What of the deploying machine's Metaflow configuration the tasks need: where things are, never a secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaflow_windmill.contract.record import StoreInfo
from metaflow_windmill.deployment.assembled.service_check import SERVICE, service_address
from metaflow_windmill.errors import DeployError
from metaflow_windmill.internals.deploying import configs_of, flow_decorators

if TYPE_CHECKING:
    from metaflow_windmill.internals.deploying import CliState


_PASSED_ON = (
    "AWS_SECRETS_MANAGER_DEFAULT_REGION",
    "AZURE_KEY_VAULT_PREFIX",
    "AZURE_STORAGE_BLOB_SERVICE_ENDPOINT",
    "CARD_AZUREROOT",
    "CARD_GSROOT",
    "CARD_S3ROOT",
    "DATATOOLS_S3ROOT",
    "DEFAULT_SECRETS_BACKEND_TYPE",
    "GCP_SECRET_MANAGER_PREFIX",
    "S3_ENDPOINT_URL",
    "S3_SERVER_SIDE_ENCRYPTION",
)
_ENVIRONMENTS = {"local": "local", "pypi": "pypi", "conda": "conda", "uv": "local"}
"""What each environment is on a worker, where Windmill has installed the packages; others are refused."""


def datastore_of(obj: CliState) -> StoreInfo:
    """Return where the flow's data is."""
    root = str(obj.flow_datastore.datastore_root)
    local = obj.flow_datastore.TYPE == "local"
    return StoreInfo(obj.flow_datastore.TYPE, str(Path(root).resolve()) if local else root)


def metadata_of(obj: CliState) -> StoreInfo:
    """Return where the flow's metadata is; a service by the address that workers reach it at."""
    kind = obj.metadata.TYPE
    if kind == SERVICE:
        return StoreInfo(kind, service_address())
    return StoreInfo(kind, str(obj.metadata.metadata_str()).partition("@")[2])


def task_variables(obj: CliState) -> dict[str, str]:
    """Return the environment variables for every task."""
    from metaflow import metaflow_config

    found = {f"METAFLOW_{name}": getattr(metaflow_config, name, None) for name in _PASSED_ON}
    version = {**obj.environment.get_environment_info(), "flow_name": obj.flow.name}
    found["METAFLOW_VERSION"] = json.dumps(version)
    return {name: str(value) for name, value in found.items() if value}


def top_level_options(obj: CliState) -> tuple[str, ...]:
    """Return the options before ``step`` that make a task see the flow as it was deployed.

    Raises
    ------
    DeployError
        If ``--environment`` asks for what Windmill's workers do not make.
    """
    environment = _ENVIRONMENTS.get(obj.environment.TYPE)
    if environment is None:
        raise DeployError(
            f"--environment={obj.environment.TYPE} is not made on Windmill's workers, which install packages "
            "themselves; use --environment=pypi, or name a file of requirements with --requirements"
        )
    options = [
        f"--environment={environment}",
        f"--event-logger={obj.event_logger.TYPE}",
        f"--monitor={obj.monitor.TYPE}",
        *(f"--with={spec}" for spec in _decospecs(obj)),
        *(word for name, key in _configs(obj).items() for word in ("--config-value", name, key)),
    ]
    for decorator in flow_decorators(obj.flow):
        options += _written(decorator.get_top_level_options())
    return tuple(options)


def _decospecs(obj: CliState) -> list[str]:
    """Return what ``--with`` and METAFLOW_DECOSPECS attached; on a worker, they are attached again."""
    from metaflow.metaflow_config import DEFAULT_DECOSPECS

    return [*obj.tl_decospecs, *(spec for spec in DEFAULT_DECOSPECS.split() if spec not in obj.tl_decospecs)]


def _written(options: list[tuple[str, Any]]) -> list[str]:
    """Write options as a command line has them."""
    from metaflow.util import dict_to_cli_options

    return [str(word) for word in dict_to_cli_options(dict(options))]


def _configs(obj: CliState) -> dict[str, str]:
    """Tell tasks to take the values of configs from the code package.

    By options alone: as a variable, every other flow that a step starts or loads would read it too.
    """
    from metaflow.user_configs.config_options import ConfigInput

    return {name: ConfigInput.make_key_name(name) for name in configs_of(obj.flow)}
