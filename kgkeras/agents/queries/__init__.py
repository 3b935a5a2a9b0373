"""Kinds of queries that walkers answer."""
