"""The connectors: how data come in by themselves."""
