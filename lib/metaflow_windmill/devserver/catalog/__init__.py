"""What a workspace holds besides jobs: scripts, flows, variables, resources, schedules, tokens."""

__all__ = [
    "catalog",
    "credentials",
    "export",
    "flow_locks",
    "flows",
    "folders",
    "members",
    "resources",
    "rows",
    "schedules",
    "scopes",
    "scripts",
    "signatures",
    "tokens",
    "triggers",
    "variables",
    "vault",
    "workspaces",
]
