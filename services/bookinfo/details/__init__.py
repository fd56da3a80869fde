"""What is printed on a book: author, pages, publisher, ISBN."""
