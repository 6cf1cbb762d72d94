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
    for_worker     INTEGER NOT NULL,   -- 0 for what the engine runs itself: flows, identities
    tag            TEXT NOT NULL,
    document       TEXT,            -- the script or the flow value
    details        TEXT,            -- the document of what else a script has: its lock, its variables
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
    suspended      INTEGER NOT NULL DEFAULT 0,  -- how many siblings end first (`parallelism`)
    canceled_by    TEXT,
    canceled_reason TEXT,
    worker         TEXT,
    restarts       INTEGER NOT NULL DEFAULT 0,
    memory_kb      INTEGER
);
CREATE INDEX job_queue   ON job (scheduled_for, seq) WHERE state = 'queued' AND for_worker = 1;
CREATE INDEX job_due     ON job (scheduled_for) WHERE state = 'queued';
CREATE INDEX job_running ON job (worker) WHERE state = 'running' AND for_worker = 1;
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
    failed_jobs  TEXT NOT NULL DEFAULT '[]'
);

-- A row for each module that has begun.
CREATE TABLE module_run (
    flow           TEXT NOT NULL,
    step           INTEGER NOT NULL,   -- -1 preprocessor; the number of modules for the failure module
    id             TEXT NOT NULL,
    type           TEXT NOT NULL,      -- WaitingForPriorSteps, WaitingForExecutor, InProgress, Success, Failure
    job            TEXT,               -- the last child; NULL where no job stands behind the module
    shape          TEXT NOT NULL,      -- leaf, choice, loop, while, arms
    parallel       INTEGER NOT NULL,
    attempt        INTEGER NOT NULL,   -- how often the module began anew
    branch         INTEGER,            -- which branch a choice took; -1 the default
    total          INTEGER,            -- how many children it takes; NULL where nobody knows
    started        INTEGER NOT NULL,
    done           INTEGER NOT NULL,
    failed         INTEGER NOT NULL,   -- how many failed and must not
    failed_retries TEXT NOT NULL,
    skipped        INTEGER NOT NULL,
    parent_module  TEXT,               -- of a failure module: the module that failed
    PRIMARY KEY (flow, step)
) WITHOUT ROWID;

-- What a sequential loop goes through: a row an item.
CREATE TABLE loop_item (
    flow     TEXT NOT NULL,
    step     INTEGER NOT NULL,
    attempt  INTEGER NOT NULL,
    position INTEGER NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (flow, step, attempt, position)
);

-- The map behind `results.<id>`: the last finished module of that name among the flows that share a root.
CREATE TABLE leaf (
    root    TEXT NOT NULL,
    step_id TEXT NOT NULL,
    flow    TEXT NOT NULL,
    step    INTEGER NOT NULL,
    attempt INTEGER,                   -- given where the result is the list of the module's children
    job     TEXT,
    PRIMARY KEY (root, step_id)
) WITHOUT ROWID;

CREATE TABLE user_state (
    flow  TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (flow, key)
);

-- What a job that the engine runs has still to react to: its own beginning (no child) or the end of a child.
CREATE TABLE event (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    root    TEXT NOT NULL,
    flow    TEXT NOT NULL,
    child   TEXT,
    success INTEGER NOT NULL DEFAULT 1,
    stop    INTEGER,                   -- the child stopped early: 0 as done, 1 as skipped
    handled INTEGER NOT NULL DEFAULT 0 -- a failure module below has answered the failure
);
CREATE INDEX event_root ON event (root, seq);
CREATE INDEX event_flow ON event (flow);
