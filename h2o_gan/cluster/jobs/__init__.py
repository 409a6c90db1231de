"""The cluster's queue of jobs: its client, trainings and generations, and the worker."""
