"""Who a record is about that no identifier says, in milliseconds: an index of all faces that the matcher's pass leaves, and whoever asks it."""
