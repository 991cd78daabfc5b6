"""What the machine allows: the least that a durable scheduler has to do, and nothing else. Each is a small program."""
