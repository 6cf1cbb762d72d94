"""A Metaflow flow becomes a deployed flow."""
