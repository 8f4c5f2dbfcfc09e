"""Feeds: watched folders, SFTP drops, databases and HTTP APIs, brought to the imports of touchpoints again and again."""
