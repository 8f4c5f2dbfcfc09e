"""The ladder of models, from rules that a person writes to trees that are trained; every step gives the same kind of score."""
