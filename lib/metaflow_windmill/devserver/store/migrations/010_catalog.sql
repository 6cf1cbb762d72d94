-- What a workspace holds besides jobs. Instants are microseconds since 1970, UTC; structures are JSON text.

CREATE TABLE workspace (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE token (
    hash TEXT PRIMARY KEY,
    prefix TEXT NOT NULL,
    label TEXT,
    username TEXT NOT NULL,
    email TEXT NOT NULL,
    workspace TEXT,
    super_admin INTEGER NOT NULL,
    scopes TEXT,
    expiration INTEGER,
    created_at INTEGER NOT NULL
);
CREATE INDEX token_by_prefix ON token (email, prefix);

CREATE TABLE folder (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    summary TEXT,
    owners TEXT NOT NULL,
    extra_perms TEXT NOT NULL,
    created_by TEXT NOT NULL,
    edited_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) WITHOUT ROWID;

CREATE TABLE flow (
    workspace TEXT NOT NULL,
    path TEXT NOT NULL,
    version INTEGER NOT NULL,
    summary TEXT NOT NULL,
    description TEXT NOT NULL,
    tag TEXT,
    labels TEXT NOT NULL,
    archived INTEGER NOT NULL DEFAULT 0,
    edited_by TEXT NOT NULL,
    edited_at INTEGER NOT NULL,
    dependency_job TEXT,
    PRIMARY KEY (workspace, path)
) WITHOUT ROWID;

CREATE TABLE flow_version (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace TEXT NOT NULL,
    path TEXT NOT NULL,
    value TEXT NOT NULL,
    schema TEXT,
    deployment_message TEXT,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX flow_version_by_path ON flow_version (workspace, path, id DESC);

CREATE TABLE script (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace TEXT NOT NULL,
    hash TEXT NOT NULL,
    path TEXT NOT NULL,
    parent_hashes TEXT,
    summary TEXT NOT NULL,
    description TEXT NOT NULL,
    content TEXT NOT NULL,
    language TEXT NOT NULL,
    kind TEXT NOT NULL,
    schema TEXT,
    lock TEXT,
    tag TEXT,
    timeout INTEGER,
    envs TEXT,
    labels TEXT NOT NULL,
    has_preprocessor INTEGER NOT NULL,
    archived INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deployment_message TEXT,
    dependency_job TEXT,
    UNIQUE (workspace, hash)
);
CREATE INDEX script_by_path ON script (workspace, path, id DESC);

CREATE TABLE variable (
    workspace TEXT NOT NULL,
    path TEXT NOT NULL,
    value TEXT NOT NULL,
    is_secret INTEGER NOT NULL,
    description TEXT NOT NULL,
    edited_by TEXT NOT NULL,
    edited_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, path)
) WITHOUT ROWID;

CREATE TABLE resource (
    workspace TEXT NOT NULL,
    path TEXT NOT NULL,
    value TEXT,
    resource_type TEXT NOT NULL,
    description TEXT NOT NULL,
    created_by TEXT NOT NULL,
    edited_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, path)
) WITHOUT ROWID;

CREATE TABLE resource_type (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    schema TEXT,
    description TEXT,
    created_by TEXT NOT NULL,
    edited_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) WITHOUT ROWID;

CREATE TABLE workspace_env (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (workspace, name)
) WITHOUT ROWID;

CREATE TABLE schedule (
    workspace TEXT NOT NULL,
    path TEXT NOT NULL,
    schedule TEXT NOT NULL,
    timezone TEXT NOT NULL,
    script_path TEXT NOT NULL,
    is_flow INTEGER NOT NULL,
    args TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    no_flow_overlap INTEGER NOT NULL,
    tag TEXT,
    summary TEXT,
    description TEXT,
    labels TEXT NOT NULL,
    paused_until INTEGER,
    edited_by TEXT NOT NULL,
    email TEXT NOT NULL,
    edited_at INTEGER NOT NULL,
    next_tick INTEGER,
    last_job TEXT,
    PRIMARY KEY (workspace, path)
) WITHOUT ROWID;
CREATE INDEX schedule_due ON schedule (next_tick) WHERE next_tick IS NOT NULL;

CREATE TABLE http_trigger (
    workspace TEXT NOT NULL,
    path TEXT NOT NULL,
    route_path TEXT NOT NULL,
    workspaced_route INTEGER NOT NULL,
    http_method TEXT NOT NULL,
    script_path TEXT NOT NULL,
    is_flow INTEGER NOT NULL,
    request_type TEXT NOT NULL,
    authentication_method TEXT NOT NULL,
    authentication_resource_path TEXT,
    wrap_body INTEGER NOT NULL,
    raw_string INTEGER NOT NULL,
    mode TEXT NOT NULL,
    summary TEXT,
    description TEXT,
    labels TEXT NOT NULL,
    edited_by TEXT NOT NULL,
    email TEXT NOT NULL,
    edited_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, path)
) WITHOUT ROWID;
