"""Measurements that anybody can repeat: `python -m benchmarks.NAME` prints one JSON object as its last line."""
