"""Azure Scheduler's jobs: a job of jobctl with a recurrence, at the addresses of the original's REST API.

The original keeps jobs in collections of a subscription; a home is one collection, whatever it is called in the
address. A job there is the schedule of the job of that name here: its `action` names it, and what it does is its
definition, which HTTP cannot change.
"""
