"""Tasks that an earlier run did already."""
