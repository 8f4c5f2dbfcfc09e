"""Groups: a few kinds of persons that a brand can name, found by what they have in common, and assigned anew each night."""
