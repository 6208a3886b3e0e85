"""Several workers on one port, and the process that watches over them. It knows no gRPC."""
