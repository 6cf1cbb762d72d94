-- What the tokens of a script's jobs open, as a JSON list; NULL where nothing was said of it.
ALTER TABLE script ADD COLUMN job_token_scopes TEXT;
