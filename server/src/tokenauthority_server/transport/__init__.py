"""The server's face: gRPC and HTTP. It parses, calls one use case, and converts."""
