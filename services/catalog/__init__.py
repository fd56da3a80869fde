"""The catalog: four items, more on request, pictures of them, and faults to order."""
