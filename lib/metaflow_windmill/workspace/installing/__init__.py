"""The scripts of this project come into a workspace."""
