"""Jobs of the cluster: the client of its queue, trainings, generations, and the worker."""
