"""Names, ownership, tokens, and the upsert of a flow with its schedule and subscriptions."""
