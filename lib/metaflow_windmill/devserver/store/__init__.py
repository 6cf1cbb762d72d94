"""What the embedded server keeps: one SQLite database with one writer, and the logs beside it."""
