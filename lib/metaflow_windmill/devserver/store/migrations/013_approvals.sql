-- Until when a flow waits for approvals, in microseconds since 1970; `suspended` counts those that are missing.
ALTER TABLE job ADD COLUMN suspend_until INTEGER;
CREATE INDEX job_suspended ON job (suspend_until) WHERE suspend_until IS NOT NULL;

-- What people said to flows that wait.
CREATE TABLE approval (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    flow      TEXT NOT NULL,
    job       TEXT NOT NULL,      -- of the module that waits
    resume_id INTEGER NOT NULL,
    value     TEXT NOT NULL,      -- JSON text
    approver  TEXT,
    approved  INTEGER NOT NULL
);
CREATE INDEX approval_job ON approval (job, seq);
