"""Which task a job is: its ids, its inputs and its place in the run, from the job's own inputs alone."""
