"""Ready-made plays: one file each, with segment, messages, goal and steps."""
