"""What a person at a terminal is told."""
