"""How many stars each reviewer gave, and versions that fail on purpose."""
