"""What Metaflow's Deployer needs of its commands, and what Python and a notebook show of its objects."""

__all__ = ["commands", "listings", "live", "notebook"]
