"""The local mesh held against a real istiod, on worlds and documents that nobody thought of (`make differential`)."""
