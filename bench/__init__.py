"""Benchmarks: each compares figures of one run with each other; an absolute time means nothing here."""
