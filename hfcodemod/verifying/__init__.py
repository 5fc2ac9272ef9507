"""Modules run for real: what they must show, the processes that run them, and what is seen meanwhile."""
