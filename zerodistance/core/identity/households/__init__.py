"""Households: the people who share a home, a layer beside persons that never joins them."""
