-- Instants are microseconds since 1970, UTC.

-- Scripts and flow values, each text once however many jobs run it.
CREATE TABLE document (
    id   TEXT PRIMARY KEY,          -- SHA-256 of the text
    text TEXT NOT NULL
);

CREATE TABLE job (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             TEXT NOT NULL UNIQUE,
    workspace      TEXT NOT NULL,
    kind           TEXT NOT NULL,
    path           TEXT,            -- NULL for the server's own small steps (identity)
    hash           TEXT,            -- of a deployed script; the version of a deployed flow
    state          TEXT NOT NULL CHECK (state IN ('queued', 'running', 'completed')),
    outcome        TEXT CHECK (outcome IN ('success', 'failure', 'canceled', 'skipped')),
    is_flow        INTEGER NOT NULL,
    tag            TEXT NOT NULL,
    document       TEXT,            -- the code or the flow value
    language       TEXT,
    timeout        INTEGER,         -- seconds
    who            TEXT NOT NULL,   -- the identity, as JSON
    created_by     TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    scheduled_for  INTEGER NOT NULL,
    started_at     INTEGER,
    completed_at   INTEGER,
    schedule_path  TEXT,
    labels         TEXT,            -- a JSON list
    parent         TEXT,
    root           TEXT NOT NULL,   -- the job at the top of the tree
    inner_root     TEXT NOT NULL,   -- the flow job whose map of results this job shares
    step           INTEGER,         -- position of the module in the parent flow; -1 preprocessor
    step_id        TEXT,
    iteration      INTEGER,         -- which child of the module
    attempt        INTEGER,         -- which run of the module, where it has children
    preprocess     INTEGER NOT NULL DEFAULT 0,
    pre_run_error  TEXT,            -- why it fails before it begins
    suspended      INTEGER NOT NULL DEFAULT 0,  -- waits for siblings of a loop with `parallelism`
    canceled_by    TEXT,
    canceled_reason TEXT,
    worker         TEXT,
    restarts       INTEGER NOT NULL DEFAULT 0,
    memory_kb      INTEGER
);
CREATE INDEX job_queue   ON job (tag, scheduled_for, seq) WHERE state = 'queued' AND is_flow = 0 AND suspended = 0;
CREATE INDEX job_due     ON job (scheduled_for) WHERE state = 'queued';
CREATE INDEX job_live    ON job (root) WHERE state != 'completed';
CREATE INDEX job_child   ON job (parent, step, attempt, iteration);
CREATE INDEX job_root    ON job (root);
CREATE INDEX job_created ON job (workspace, created_at);
CREATE INDEX job_path    ON job (workspace, path, created_at);

-- Apart from the row of the job, so that listing jobs never reads through megabytes.
CREATE TABLE job_args   (job TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE job_result (job TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE flow_run (
    job          TEXT PRIMARY KEY,
    step         INTEGER NOT NULL,  -- the module that runs; the number of modules for the failure module
    fail_count   INTEGER NOT NULL DEFAULT 0,
    failed_jobs  TEXT NOT NULL DEFAULT '[]',
    handled      INTEGER NOT NULL DEFAULT 0  -- a failure module below has answered the failure
);

-- A row for each module that has begun.
CREATE TABLE module_run (
    flow           TEXT NOT NULL,
    step           INTEGER NOT NULL,
    id             TEXT NOT NULL,
    type           TEXT NOT NULL,   -- InProgress, Success, Failure
    job            TEXT,            -- NULL where no job stands behind it
    branch         TEXT,            -- branch_chosen, as JSON
    parallel       INTEGER NOT NULL DEFAULT 0,
    while_loop     INTEGER NOT NULL DEFAULT 0,
    attempt        INTEGER NOT NULL DEFAULT 0,
    total          INTEGER,         -- children to come; NULL where the module has none
    started        INTEGER NOT NULL DEFAULT 0,
    done           INTEGER NOT NULL DEFAULT 0,
    failed         INTEGER NOT NULL DEFAULT 0,
    failed_retries TEXT NOT NULL DEFAULT '[]',
    skipped        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (flow, step)
);

-- What a sequential loop still has to go through: a row an item.
CREATE TABLE loop_item (
    flow    TEXT NOT NULL,
    step    INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    position INTEGER NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (flow, step, attempt, position)
);

-- The map behind `results.<id>`: the last finished module of that name below a root.
CREATE TABLE leaf (
    root    TEXT NOT NULL,
    step_id TEXT NOT NULL,
    flow    TEXT NOT NULL,
    step    INTEGER NOT NULL,
    job     TEXT,
    attempt INTEGER NOT NULL DEFAULT 0,
    is_list INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (root, step_id)
);

CREATE TABLE user_state (
    flow  TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (flow, key)
);

-- What a flow job has still to react to: its own beginning (no child) or the end of a child.
CREATE TABLE event (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    root  TEXT NOT NULL,
    flow  TEXT NOT NULL,
    child TEXT
);
