"""The data core, rooms in one line: brand, touchpoints, identity, profiles, segments; each may import those before it."""
