"""Measurements: each alternates with a baseline in the same run; the result is the median ratio of the pairs."""
