-- Who is in a workspace besides the server's own superadmin.
CREATE TABLE member (
    workspace  TEXT NOT NULL,
    email      TEXT NOT NULL,
    username   TEXT NOT NULL,
    is_admin   INTEGER NOT NULL,
    operator   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, email)
) WITHOUT ROWID;
