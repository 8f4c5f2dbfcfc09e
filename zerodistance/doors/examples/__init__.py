"""Example brands for trying the platform: which there are, which one a home holds, and taking it away again."""
