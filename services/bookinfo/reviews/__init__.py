"""Two opinions of a book: without stars (v1), with black ones (v2), with red ones (v3)."""
