"""A room of the data core; its door is `api.py`."""
