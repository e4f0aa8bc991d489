"""Renderers: each is a function from a Report to text."""
