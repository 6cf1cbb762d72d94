-- What a workspace's git sync is set to, as JSON: kept and shown only.
CREATE TABLE git_sync (
    workspace TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
