"""Bookinfo, Istio's second sample: productpage asks details and reviews, and reviews asks ratings."""
