"""Packaging and deployment to AWS, and to anything that speaks its API. Not packaged."""
