"""Integrations for the test home alone."""
