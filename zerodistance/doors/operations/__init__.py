"""Operations: how the program is doing, told to people, to load balancers, to Prometheus and to whoever is on call."""
