"""Metaflow's FlowGraph, read into a frozen Dag; the only room that knows Metaflow's graph classes."""
