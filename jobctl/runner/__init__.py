"""The runner: a long-lived process that supervises the processes of one system job at a time."""
