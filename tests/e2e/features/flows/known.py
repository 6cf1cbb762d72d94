"""A flow that keeps all that a task is told of itself."""

from pathlib import Path

from metaflow import (
    FlowSpec,
    JSONType,
    Parameter,
    Task,
    card,
    current,
    get_namespace,
    namespace,
    parallel,
    project,
    step,
)

OF_THE_TASK = ("flow_name", "run_id", "step_name", "task_id", "pathspec", "retry_count", "origin_run_id")
OF_THE_FLOW = ("project_name", "branch_name", "is_production", "is_user_branch", "project_flow_name")
OF_THE_USER = ("username", "namespace", "is_running_flow", "tempdir", "parameter_names")


def told():
    """Return what `current` says, and whether Metaflow's client finds the task under that name."""
    found = {name: getattr(current, name) for name in (*OF_THE_TASK, *OF_THE_FLOW, *OF_THE_USER)}
    graph, chosen = current.graph, get_namespace()
    namespace(None)  # the chosen one need not be that of the run
    return {
        **found,
        "tags": sorted(current.tags),
        "tags_of_the_run": sorted(current.run.user_tags),
        "system_tags": sorted(current.run.system_tags),
        "get_namespace": chosen,
        "get": current.get("no_such_thing", "nothing"),
        "triggered": current.get("trigger") is not None,
        "graph": {name: node["next"] for name, node in graph["steps"].items()},
        "file": Path(graph["file"]).name,
        "is_a_task": Task(current.pathspec).pathspec == current.task.pathspec == current.pathspec,
    }


@project(name="identity")
class KnownFlow(FlowSpec):
    alpha = Parameter("alpha", default=0.5)
    options = Parameter("options", type=JSONType, default="[]")

    @card(type="blank", id="page")
    @step
    def start(self):
        self.told = told()
        self.card = type(current.card).__name__
        self.card_kept = current.card["page"] is not None
        self.next(self.node, num_parallel=2)

    @parallel
    @step
    def node(self):
        self.place = current.parallel
        self.told = told()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.places = [tuple(item.place) for item in inputs]
        self.nodes = [item.told for item in inputs]
        self.told = told()
        self.next(self.end)

    @step
    def end(self):
        self.told = told()


if __name__ == "__main__":
    KnownFlow()
