"""Windmill's REST API: one Transport, typed answers, errors."""
