"""The sample city: a made-up brand in a made-up city whose truth is known (docs/sample.md)."""
