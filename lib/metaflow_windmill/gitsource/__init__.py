"""A git resource becomes a verified checkout of one commit."""
