"""What jobctl itself says, in Spanish: schedules in words, explanations, messages and refusals."""
