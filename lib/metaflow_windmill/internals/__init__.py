"""What this project touches of Metaflow that Metaflow does not promise to keep.

Each private name stands here once, with a function or a type around it: `deploying` for the side that
compiles a flow, `running` for the side that runs its tasks, `imported_late` for what a task imports when it
is used, `shapes` for what Metaflow's objects are asked. A Metaflow that changed one of them fails in
``tests/unit/internals``, which names it.
"""

__all__ = ["cloned_tasks", "deploying", "imported_late", "running", "shapes", "storages"]
