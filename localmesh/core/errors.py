"""What a user of the local mesh can put right."""


class MeshError(Exception):
    """Something the user can put right; its text is the whole message."""
