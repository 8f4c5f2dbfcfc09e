"""Zero Distance: every touchpoint of a brand joined into one person, understood, acted on and measured."""

__version__ = "0.1.0"
