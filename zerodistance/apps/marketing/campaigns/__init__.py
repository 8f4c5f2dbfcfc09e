"""Campaigns: who enters, which steps they go through, what stops them, what came of it."""
