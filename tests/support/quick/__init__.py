"""An embedded server whose jobs start fast: each is forked from its worker, not a new program."""
