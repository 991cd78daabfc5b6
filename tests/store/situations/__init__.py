"""Situations of which somebody asks why: how each is brought about, what is said of it, and what changes it."""
