"""Programs for whoever works on Zero Distance; nothing here is installed."""
