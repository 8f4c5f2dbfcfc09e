"""What people do with the core: rooms that never import each other."""
