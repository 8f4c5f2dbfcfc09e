"""The ladder tried on any table: a mapping says what is asked of it, the rest is found in the file."""
