"""The Dataverse Web API's system jobs: the entity AsyncOperation, read, filtered, moved and deleted over HTTP."""
