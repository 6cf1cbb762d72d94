-- What waits for a worker and what waits for the engine apart: whoever asks for the one does not go through the other.
DROP INDEX job_due;
CREATE INDEX job_engine ON job (suspended, scheduled_for) WHERE state = 'queued' AND for_worker = 0;
