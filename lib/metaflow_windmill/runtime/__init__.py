"""Inside a job: run ids, task ids, attempts, the step itself, logs and outputs."""
