"""The portal: the pages on which people look at what came in, who it was, and whom a rule fits."""
