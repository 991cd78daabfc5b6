"""Azure Scheduler's jobs (API version 2016-03-01): each is the schedule of one jobctl job, under a name of its own."""
