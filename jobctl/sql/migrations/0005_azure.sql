-- Azure Scheduler's jobs: a name for the schedule of a job. What it says and what became of it stands with the job.

CREATE TABLE azure_jobs (
    name   TEXT    PRIMARY KEY,
    job_id INTEGER NOT NULL UNIQUE REFERENCES jobs,
    -- The last system job there was when it was made: what is older is not its history.
    since  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Runs that were asked for beside the schedule, found without reading the job's other history.
CREATE INDEX system_jobs_azure_runs ON system_jobs (job_id, sequence) WHERE message_name = 'azure';
