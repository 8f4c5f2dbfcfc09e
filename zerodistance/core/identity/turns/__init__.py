"""Devices and cookies that several accounts use in turn: who used one when, and whose a touch without a login is."""
