"""Backup and restore: one instant of every store, taken while all go on; verified, incremental, and whole or not there."""
