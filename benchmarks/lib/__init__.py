"""What the benchmarks share: the machine, a home that is served, traffic made beforehand, the load, a client."""
