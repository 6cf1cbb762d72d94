"""What a task says: its output, kept and masked, and its failure in words."""

__all__ = ["failure", "log_streams", "masking", "metadata_service", "missing_module", "saver"]
