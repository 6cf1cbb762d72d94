"""Which task a job is: its ids, its inputs and its place in the run, from the job's own inputs alone."""

__all__ = ["current_job", "foreach", "given", "identity", "parent_tasks", "rerun", "task_ids", "tasks"]
