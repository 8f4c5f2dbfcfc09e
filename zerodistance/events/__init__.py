"""Every message that rooms say to each other: frozen, versioned, one file per topic."""
