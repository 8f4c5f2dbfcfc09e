"""The doors: HTTP, portal, command line and worker."""
