"""What a task says: its output, kept and masked, and its failure in words."""
