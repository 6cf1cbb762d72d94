"""The embedded Windmill: expressions, engine, runner, store, api and pages."""
