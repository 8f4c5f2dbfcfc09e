"""What each system of the brand would export: one module a system, from the lives of a block to the rows of its file."""
