"""Jobs that are no task: the end of a run, exit hooks and notifications."""
