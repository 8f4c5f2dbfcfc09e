"""What identity is computed by: rules by version, tried before they are applied and undone; the weights that a home has learned."""
