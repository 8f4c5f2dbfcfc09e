"""The examiner: compares what the product said with a truth."""
