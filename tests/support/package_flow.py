"""A program: package_flow.py FLOW_FILE DATASTORE_ROOT saves the flow's code package and says where."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace


def main(file: str, root: str) -> None:
    from metaflow import FlowSpec, decorators
    from metaflow.datastore import FlowDataStore
    from metaflow.metaflow_environment import MetaflowEnvironment
    from metaflow.parameters import set_parameter_context
    from metaflow.plugins.datastores.local_storage import LocalStorage

    from metaflow_windmill.deployment.described.parameters import read_parameters
    from metaflow_windmill.package.save import CodePackage

    sys.argv[:] = [file]
    spec = importlib.util.spec_from_file_location("flow_file", file)
    assert spec
    assert spec.loader
    sys.modules["flow_file"] = module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(Path(file).parent))
    spec.loader.exec_module(module)
    (kind,) = (
        item
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, FlowSpec) and item.__module__ == "flow_file"
    )
    flow = kind(use_cli=False)
    flow = (flow._process_config_decorators({}) or kind)(use_cli=False)
    decorators._attach_decorators(flow, ["windmill_internal"])
    LocalStorage.datastore_root = root
    environment = MetaflowEnvironment(flow)
    obj = SimpleNamespace(
        flow=flow,
        environment=environment,
        echo=lambda *words, **_: print(*words, file=sys.stderr),
        package_suffixes=[".py"],
        flow_datastore=FlowDataStore(flow.name, environment, storage_impl=LocalStorage, ds_root=root),
    )
    set_parameter_context(flow.name, obj.echo, obj.flow_datastore, {})
    parameters = [asdict(info) for info in read_parameters(flow, scheduled=False)]
    package = asdict(CodePackage(obj).save())
    print(json.dumps({"flow": flow.name, "package": package, "parameters": parameters}))


if __name__ == "__main__":
    main(*sys.argv[1:])
