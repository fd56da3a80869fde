"""The door: the Kubernetes API over TLS on loopback, as far as kubectl asks for it."""
