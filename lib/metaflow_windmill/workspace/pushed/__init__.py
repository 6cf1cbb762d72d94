"""A push to a repository deploys what it changed."""
