"""marketing: whom a marketer may reach, seen on a map of released counts."""
