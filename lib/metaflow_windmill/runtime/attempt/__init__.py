"""A job does its tasks: which attempt each is, what runs, and what the job returns."""
