"""Who is known: the callers' file, and the service accounts of a Kubernetes cluster."""
