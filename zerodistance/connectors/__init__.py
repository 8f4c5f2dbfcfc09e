"""How data come in from other systems by themselves: rooms above the core that bring what they find to its doors."""
