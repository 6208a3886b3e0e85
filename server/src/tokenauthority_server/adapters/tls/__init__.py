"""TLS of the gRPC port: the files that it comes from, and following them while they change."""
