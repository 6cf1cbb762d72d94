"""What a workspace holds besides jobs: scripts, flows, variables, resources, schedules, tokens."""

__all__ = [
    "catalog",
    "credentials",
    "flow_locks",
    "flows",
    "folders",
    "members",
    "path_rows",
    "resources",
    "schedules",
    "scopes",
    "scripts",
    "signatures",
    "tokens",
    "triggers",
    "variables",
    "vault",
    "workspace_files",
    "workspaces",
]
