"""Long trials of the real command: minutes of abuse, then a count of what was lost."""
