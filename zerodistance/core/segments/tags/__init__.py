"""Tags that users make: by rule, by bands over a number, by the first, last or most frequent word of touches, by SQL."""
