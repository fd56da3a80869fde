"""The page: a book with its details and reviews, for whoever signed in."""
