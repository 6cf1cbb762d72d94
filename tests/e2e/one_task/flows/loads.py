"""A flow that tells what its process has imported, and imports what Metaflow had no need of yet."""

import sys

from metaflow import FlowSpec, step


class LoadsFlow(FlowSpec):
    @step
    def start(self):
        self.loaded = sorted(sys.modules)
        kinds = [(name, type(module).__name__) for name, module in sys.modules.items()]
        self.stand_ins = [name for name, kind in kinds if kind.startswith("Late")]
        from concurrent.futures import ThreadPoolExecutor
        from importlib import import_module, metadata

        with ThreadPoolExecutor(8) as pool:
            self.same = len(set(map(id, pool.map(lambda _: import_module("requests"), range(8)))))
        import requests
        from metaflow.plugins.metadata_providers import service
        from requests.exceptions import Timeout

        class Client(requests.Session):
            pass

        self.real = [
            service.requests.Session is requests.Session,
            service.requests.exceptions.Timeout is Timeout,
            isinstance(Client(), service.requests.Session),
            sys.modules["requests"] is requests,
            bool(metadata.version("requests")),
        ]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LoadsFlow()
