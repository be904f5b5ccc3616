"""Measurements: each against a floor taken in the same run, interleaved; the median of the ratios of the pairs."""
