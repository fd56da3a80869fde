"""The storefront: a JSON interface and a page in front of catalog and forum."""
