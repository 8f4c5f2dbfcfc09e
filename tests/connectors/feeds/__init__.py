"""Feeds, tried against real folders and servers."""
